package cloud

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"imsrevoke/batch/imagetest"
)

var update = flag.Bool("update", false, "rewrite SETTINGS.md")

// TestSettingsDocument keeps the table of the documentation to that of the code.
func TestSettingsDocument(t *testing.T) {
	t.Parallel()
	const name, begin, end = "SETTINGS.md", "<!-- table: begin -->\n", "<!-- table: end -->\n"
	var b strings.Builder
	for _, kind := range []struct {
		use   use
		title string
	}{{obeyed, "Obeyed"}, {refusedSetting, "Refused"}, {unused, "Not used"}} {
		fmt.Fprintf(&b, "\n## %s\n\n| in `clouds.yaml` | variable | |\n|---|---|---|\n", kind.title)
		for _, s := range settings {
			if s.use != kind.use {
				continue
			}
			var keys, variables []string
			for _, n := range s.names() {
				section := ""
				if s.inAuth {
					section = "auth."
				}
				keys = append(keys, "`"+section+n+"`")
				if n != "cloud" {
					variables = append(variables, "`"+environment.key(n)+"`")
				}
			}
			if s.use == unused {
				keys, variables = []string{strings.Join(s.names(), ", ")}, nil
			}
			fmt.Fprintf(&b, "| %s | %s | %s |\n", strings.Join(keys, ", "), strings.Join(variables, ", "), s.note)
		}
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), begin)
	_, after, ok := strings.Cut(rest, end)
	if !ok {
		t.Fatalf("%s has no table between its two marks", name)
	}
	want := before + begin + b.String() + "\n" + end + after
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want != string(text) && !*update {
		t.Errorf("the table of %s is not that of the code: run go test -run TestSettingsDocument -update", name)
	}
}

// A settingsCloud is a Keystone that lets everybody in, and an Image API at a
// host for each interface and region, all of one simulated cloud.
type settingsCloud struct {
	*imagetest.Cloud
	keystone *httptest.Server
	images   map[string]*httptest.Server // by name

	mu      sync.Mutex
	posted  []string // logins in short, as in "password ann@People project ops@Projects"
	deletes []string // the names of the hosts that a DELETE went to
}

var hosts = []string{"public one", "internal one", "admin one", "public two", "internal two", "override"}

func newSettingsCloud(t *testing.T) *settingsCloud {
	s := &settingsCloud{Cloud: imagetest.NewCloud(), images: make(map[string]*httptest.Server)}
	s.keystone = httptest.NewServer(http.HandlerFunc(s.login))
	t.Cleanup(s.keystone.Close)
	for _, name := range hosts {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			s.deletes = append(s.deletes, name)
			s.mu.Unlock()
			s.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		s.images[name] = server
	}
	return s
}

// login answers a login, and keeps it in short.
func (s *settingsCloud) login(w http.ResponseWriter, r *http.Request) {
	type named struct {
		ID, Name, Password, Secret string
		Domain                     *struct{ ID, Name string }
		User                       json.RawMessage
	}
	var body struct {
		Auth struct {
			Identity struct {
				Methods  []string
				Password struct{ User named }
				Token    named
				App      named `json:"application_credential"`
			}
			Scope struct {
				Project *named
				Domain  *named
				System  any
				Trust   *named `json:"OS-TRUST:trust"`
			}
		}
	}
	if r.URL.Path != "/v3/auth/tokens" || json.NewDecoder(r.Body).Decode(&body) != nil {
		http.Error(w, "not a login", http.StatusNotFound)
		return
	}
	short := func(n named) string {
		text := cmp.Or(n.ID, n.Name)
		if n.Domain != nil {
			text += "@" + cmp.Or(n.Domain.ID, n.Domain.Name)
		}
		if n.User != nil {
			var user named
			json.Unmarshal(n.User, &user)
			text += " of " + user.Name + "@" + user.Domain.Name
		}
		return text
	}
	id, scope := &body.Auth.Identity, &body.Auth.Scope
	said := strings.Join(id.Methods, "+")
	switch said {
	case "password":
		said += " " + short(id.Password.User)
	case "application_credential":
		said += " " + short(id.App)
	}
	project := named{ID: "4f1a", Name: "ops"}
	switch {
	case scope.Project != nil:
		said += " project " + short(*scope.Project)
		project = named{ID: cmp.Or(scope.Project.ID, "4f1a"), Name: cmp.Or(scope.Project.Name, "ops")}
	case scope.Trust != nil:
		said += " trust " + scope.Trust.ID
	case scope.Domain != nil, scope.System != nil:
		said += " no project"
	}
	s.mu.Lock()
	s.posted = append(s.posted, said)
	s.mu.Unlock()
	var endpoints []map[string]string
	for _, name := range hosts {
		iface, region, ok := strings.Cut(name, " ")
		if ok {
			endpoints = append(endpoints, map[string]string{"interface": iface, "region": region, "url": s.images[name].URL})
		}
	}
	w.Header().Set("X-Subject-Token", s.IssueToken(imagetest.ProjectID, time.Hour))
	w.WriteHeader(http.StatusCreated)
	json.NewEncoder(w).Encode(map[string]any{"token": map[string]any{
		"expires_at": "2030-01-04T09:05:22.701000Z",
		"project":    map[string]string{"id": project.ID, "name": project.Name},
		"catalog":    []any{map[string]any{"type": "image", "name": "glance", "endpoints": endpoints}},
	}})
}

// TestSettings does what each setting says, in clouds.yaml and as variables, and
// looks at what Keystone was sent and where a DELETE went. A line of the table
// that no case here names fails.
func TestSettings(t *testing.T) {
	t.Parallel()
	const (
		ann = "password ann@People project ops@Projects"
		app = "application_credential c1"
	)
	password := map[string]string{
		"auth_url": "KEYSTONE", "username": "ann", "user_domain_name": "People", "password": "s3cr3t",
		"project_name": "ops", "project_domain_name": "Projects", "region_name": "one",
	}
	credential := map[string]string{
		"auth_url": "KEYSTONE", "application_credential_id": "c1", "application_credential_secret": "s3cr3t", "region_name": "one",
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, []byte("not a certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		// set are the names that the case proves; a value of "-" takes one away.
		set    map[string]string
		base   map[string]string // password, unless it says otherwise
		posted string            // ann, unless it says otherwise
		host   string            // "public one", unless it says otherwise
		refuse string            // what the refusal says; nothing is sent then
	}{
		{set: map[string]string{"auth_url": "KEYSTONE/v3/"}},
		{set: map[string]string{"auth_type": "v3password", "password": "s3cr3t"}},
		{set: map[string]string{"auth_plugin": "password"}},
		{set: map[string]string{"auth_type": "password", "application_credential_id": "c1", "application_credential_secret": "s3cr3t"}},
		{set: map[string]string{"auth_type": "v3applicationcredential", "password": "s3cr3t"}, base: credential, posted: app},
		{set: map[string]string{"application_credential_id": "c1", "application_credential_secret": "s3cr3t"}, refuse: "credentials of several kinds"},
		{set: map[string]string{"auth_type": "v3oidcpassword"}, refuse: `"v3oidcpassword" is not supported`},
		{set: map[string]string{"auth_type": "v3applicationcredentials"}, refuse: "is not supported; use password"},
		{set: map[string]string{"username": "bob"}, posted: "password bob@People project ops@Projects"},
		{set: map[string]string{"user_name": "bob", "username": "-"}, posted: "password bob@People project ops@Projects"},
		{set: map[string]string{"user_name": "bob", "username": "ann"}, refuse: "different values"},
		{set: map[string]string{"user_id": "a1"}, posted: "password a1 project ops@Projects"},
		{set: map[string]string{"user_domain_id": "d1"}, posted: "password ann@d1 project ops@Projects"},
		{set: map[string]string{"user_domain_name": "Others"}, posted: "password ann@Others project ops@Projects"},
		{set: map[string]string{"application_credential_id": "c2"}, base: credential, posted: "application_credential c2"},
		{set: map[string]string{"application_credential_id": "-", "application_credential_name": "job", "username": "ann", "user_domain_name": "People"},
			base: credential, posted: "application_credential job of ann@People"},
		{set: map[string]string{"application_credential_secret": "-"}, base: credential, refuse: "application_credential_secret"},
		{set: map[string]string{"password": "-"}, refuse: "is missing"},
		{set: map[string]string{"password": "-", "auth_type": "token", "token": "s3cr3t"}, posted: "token project ops@Projects"},
		{set: map[string]string{"password": "-", "auth_type": "v3token", "auth_token": "s3cr3t"}, posted: "token project ops@Projects"},
		{set: map[string]string{"project_id": "p1"}, posted: "password ann@People project p1"},
		{set: map[string]string{"tenant_id": "p1"}, posted: "password ann@People project p1"},
		{set: map[string]string{"project_id": "p1", "tenant_id": "p2"}, refuse: "different values"},
		{set: map[string]string{"project_id": "p2"}, base: credential, posted: app, refuse: "for project ops (4f1a), not for p2"},
		{set: map[string]string{"project_name": "ops"}, base: credential, posted: app},
		{set: map[string]string{"project_name": "dev"}, base: credential, posted: app, refuse: "not for dev"},
		{set: map[string]string{"project_id": "p1", "project_name": "dev"}, posted: "password ann@People project p1", refuse: "the token is for project ops (p1)"},
		{set: map[string]string{"project_name": "-", "tenant_name": "dev"}, posted: "password ann@People project dev@Projects"},
		{set: map[string]string{"project_domain_id": "d2"}, posted: "password ann@People project ops@d2"},
		{set: map[string]string{"project_domain_name": "Others"}, posted: "password ann@People project ops@Others"},
		{set: map[string]string{"domain_id": "d3", "user_domain_name": "-", "project_domain_name": "-"}, posted: "password ann@d3 project ops@d3"},
		{set: map[string]string{"domain_name": "D", "user_domain_name": "-", "project_domain_name": "-"}, posted: "password ann@D project ops@D"},
		{set: map[string]string{"domain_name": "D", "project_name": "-"}, refuse: "without a project"},
		{set: map[string]string{"domain_id": "d3", "project_name": "-"}, refuse: "without a project"},
		{set: map[string]string{"default_domain_id": "d4", "user_domain_name": "-", "project_domain_name": "-"}, posted: "password ann@d4 project ops@d4"},
		{set: map[string]string{"default_domain": "d4", "user_domain_name": "-"}, posted: "password ann@d4 project ops@Projects"},
		{set: map[string]string{"default_domain_name": "D", "user_domain_name": "-", "project_domain_name": "-"}, posted: "password ann@D project ops@D"},
		{set: map[string]string{"trust_id": "t1", "project_name": "-"}, posted: "password ann@People trust t1"},
		{set: map[string]string{"trust_id": "t1"}, refuse: "cannot be used with a project"},
		{set: map[string]string{"trust_id": "t1"}, base: credential, refuse: "cannot be used with an application credential"},

		{set: map[string]string{"region_name": "two"}, host: "public two"},
		{set: map[string]string{"region_name": "one,two"}, refuse: "names several regions"},
		{set: map[string]string{"region_name": "-"}, posted: ann, refuse: "--region to one of one, two"},
		{set: map[string]string{"image_region_name": "two"}, host: "public two"},
		{set: map[string]string{"interface": "internal"}, host: "internal one"},
		{set: map[string]string{"interface": "internalURL"}, host: "internal one"},
		{set: map[string]string{"endpoint_type": "internalURL"}, host: "internal one"},
		{set: map[string]string{"interface": "admin", "endpoint_type": "adminURL"}, host: "admin one"},
		{set: map[string]string{"interface": "admin", "endpoint_type": "publicURL"}, refuse: "different values"},
		{set: map[string]string{"interface": "privat"}, refuse: `"privat" is not an interface`},
		{set: map[string]string{"image_interface": "internal"}, host: "internal one"},
		{set: map[string]string{"image_endpoint_type": "internalURL"}, host: "internal one"},
		{set: map[string]string{"image_endpoint_override": "OVERRIDE"}, host: "override"},
		{set: map[string]string{"image_endpoint": "OVERRIDE/v2"}, host: "override"},
		{set: map[string]string{"image_endpoint_override": "http://{region}.example.com"}, refuse: "image_endpoint_override"},
		{set: map[string]string{"profile": "ovh"}, refuse: "clouds-public.yaml"},
		{set: map[string]string{"cloud": "ovh"}, refuse: "clouds-public.yaml"},
		{set: map[string]string{"cacert": ca}, refuse: "holds no CA certificate"},
		{set: map[string]string{"cert": ca}, refuse: "cannot load the client certificate"},
		{set: map[string]string{"key": ca}, refuse: "set both, or neither"},
		{set: map[string]string{"verify": "perhaps"}, refuse: "verify is neither true nor false"},
		{set: map[string]string{"verify": "true"}},
		{set: map[string]string{"insecure": "perhaps"}, refuse: "insecure is neither true nor false"},
		{set: map[string]string{"identity_api_version": "3"}},
		{set: map[string]string{"identity_api_version": "2.0"}, refuse: "identity_api_version"},
		{set: map[string]string{"image_api_version": "2"}},
		{set: map[string]string{"image_api_version": "1"}, refuse: "image_api_version"},

		{set: map[string]string{"identity_endpoint_override": "http://127.0.0.1:1"}},
		{set: map[string]string{"allow_reauth": "false"}},
	}
	for _, s := range settings { // refused, whatever their value
		if s.use == refusedSetting {
			for _, name := range s.names() {
				tests = append(tests, tests[0])
				tests[len(tests)-1].set, tests[len(tests)-1].refuse = map[string]string{name: "s3cr3t"}, s.note
			}
		}
	}
	proved := make(map[string]bool)
	for _, tt := range tests {
		for name := range tt.set {
			proved[name] = true
		}
	}
	for _, s := range settings {
		for _, name := range s.names() {
			if !proved[name] && !strings.Contains(name, " ") {
				t.Errorf("nothing here shows what becomes of %s", name)
			}
		}
	}

	for _, tt := range tests {
		for _, where := range []string{"clouds.yaml", "OS_"} {
			t.Run(fmt.Sprintf("%s %v", where, tt.set), func(t *testing.T) {
				t.Parallel()
				if _, ok := tt.set["cloud"]; ok && where == "OS_" {
					t.Skip("OS_CLOUD chooses a cloud of clouds.yaml")
				}
				s := newSettingsCloud(t)
				all := make(map[string]string)
				base := password
				if tt.base != nil {
					base = tt.base
				}
				for _, set := range []map[string]string{base, tt.set} {
					for name, value := range set {
						value = strings.ReplaceAll(strings.ReplaceAll(value, "KEYSTONE", s.keystone.URL), "OVERRIDE", s.images["override"].URL)
						all[name] = value
						if value == "-" {
							delete(all, name)
						}
					}
				}
				config, vars := Config{}, env{"HOME": t.TempDir()}
				if where == "OS_" {
					for name, value := range all {
						vars[environment.key(name)] = value
					}
					config.Auth = AuthKeystone
				} else {
					vars["OS_CLIENT_CONFIG_FILE"] = writeClouds(t, all)
					config.OSCloud = "c"
				}
				posted, host, err := s.connectAndDelete(t, config, vars)
				wantPosted, wantHost := tt.posted, tt.host
				if tt.refuse == "" {
					wantPosted, wantHost = cmp.Or(tt.posted, ann), cmp.Or(tt.host, "public one")
				}
				if posted != wantPosted || host != wantHost {
					t.Errorf("logged in as %q and deleted at %q, want %q and %q (error: %v)", posted, host, wantPosted, wantHost, err)
				}
				if tt.refuse == "" && err != nil || tt.refuse != "" && (err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(tt.refuse))) {
					t.Errorf("error %v, want %q", err, tt.refuse)
				}
				if err != nil && strings.Contains(err.Error(), "s3cr3t") {
					t.Errorf("the error shows a secret: %v", err)
				}
			})
		}
	}
}

// connectAndDelete logs in and sends one DELETE.
func (s *settingsCloud) connectAndDelete(t *testing.T, config Config, vars env) (posted, host string, err error) {
	t.Helper()
	config.Getenv = vars.get
	session, err := Connect(context.Background(), config)
	if err == nil {
		transport := session.Transport(1)
		defer transport.CloseIdleConnections()
		var req *http.Request
		if req, err = http.NewRequest(http.MethodDelete, session.Endpoint().String()+"/v2/images/i/members/m", nil); err != nil {
			t.Fatal(err)
		}
		if _, err = session.Authorize(req); err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.posted, ", "), strings.Join(s.deletes, ", "), err
}

// env is an environment.
type env map[string]string

func (e env) get(name string) string { return e[name] }

// writeClouds writes a clouds.yaml with one cloud, c.
func writeClouds(t *testing.T, all map[string]string) string {
	t.Helper()
	auth, top := map[string]string{}, map[string]any{}
	for name, value := range all {
		if s := byName()[name]; s != nil && s.inAuth {
			auth[name] = value
		} else {
			top[name] = value
		}
	}
	top["auth"] = auth
	text, err := json.Marshal(map[string]any{"clouds": map[string]any{"c": top}}) // JSON is YAML
	if err != nil {
		t.Fatal(err)
	}
	return writeText(t, t.TempDir(), "clouds.yaml", string(text))
}

func writeText(t *testing.T, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestCloudsFilesTogether is about what a file says that no variable can say,
// and about files and variables beside each other.
func TestCloudsFilesTogether(t *testing.T) {
	t.Parallel()
	const (
		ann   = "password ann@People project ops@Projects"
		login = "username: ann, user_domain_name: People, password: s3cr3t, project_name: ops, project_domain_name: Projects"
		auth  = "auth: {auth_url: KEYSTONE, " + login + "}"
	)
	tests := []struct {
		name                   string
		clouds, secure, public string
		vars                   env
		region                 string
		posted, host, refuse   string
	}{
		{name: "the values of the only region",
			clouds: "{clouds: {c: {auth: {" + login + "}, regions: [{name: one, values: {auth: {auth_url: KEYSTONE}}}]}}}", posted: ann, host: "public one"},
		{name: "the values of a region win",
			clouds: "{clouds: {c: {" + auth + ", regions: [one, {name: two, values: {auth: {project_name: special}, interface: internal}}]}}}",
			vars:   env{"OS_REGION_NAME": "two"}, posted: "password ann@People project special@Projects", host: "internal two"},
		{name: "the region of the flag, whatever the environment says",
			clouds: "{clouds: {c: {" + auth + ", regions: [one, two]}}}",
			vars:   env{"OS_REGION_NAME": "one"}, region: "two", posted: ann, host: "public two"},
		{name: "several regions and no choice", clouds: "{clouds: {c: {" + auth + ", regions: [one, two]}}}", refuse: "set --region or OS_REGION_NAME to one of one, two"},
		{name: "a region that is not in the list", clouds: "{clouds: {c: {" + auth + ", regions: [one]}}}", region: "two", refuse: `region "two" is not among the regions`},
		{name: "a region with something else than values", clouds: "{clouds: {c: {" + auth + ", regions: [{name: one, value: {interface: internal}}]}}}", refuse: "an entry with value"},
		{name: "a misspelt setting of a region", clouds: "{clouds: {c: {" + auth + ", regions: [{name: one, values: {interfce: internal}}]}}}", refuse: "interfce is not a setting"},
		{name: "a region without a name", clouds: "{clouds: {c: {" + auth + ", regions: [{values: {interface: internal}}]}}}", refuse: "without a name"},

		{name: "a profile is below the cloud",
			clouds: "{clouds: {c: {profile: vendor, auth: {" + login + "}}}}",
			public: "{public-clouds: {vendor: {auth: {auth_url: KEYSTONE, project_name: theirs}, region_name: two, interface: internal}}}", posted: ann, host: "internal two"},
		{name: "a profile by its old name, whose regions have values",
			clouds: "{clouds: {c: {cloud: vendor, auth: {" + login + "}}}}",
			public: "{public-clouds: {vendor: {regions: [{name: one, values: {interface: admin, auth: {auth_url: KEYSTONE}}}]}}}", posted: ann, host: "admin one"},
		{name: "a profile of a profile", clouds: "{clouds: {c: {profile: vendor, " + auth + "}}}", public: "{public-clouds: {vendor: {profile: ovh}}}", refuse: "names another one"},
		{name: "a profile of the web", clouds: "{clouds: {c: {profile: 'https://cloud.example.com', " + auth + "}}}", refuse: "clouds-public.yaml"},

		{name: "secrets of a file of their own, which win",
			clouds: "{clouds: {c: {region_name: one, auth: {auth_url: KEYSTONE, username: bob, user_domain_name: People, project_name: ops, project_domain_name: Projects}}}}",
			secure: "{clouds: {c: {auth: {username: ann, password: s3cr3t}}}}", posted: ann, host: "public one"},
		{name: "names with a hyphen", clouds: "{clouds: {c: {region-name: two, auth: {auth-url: KEYSTONE, username: ann, user-domain-name: People, password: s3cr3t, project-name: ops, project-domain-name: Projects}}}}",
			posted: ann, host: "public two"},
		{name: "what belongs into auth, outside", clouds: "{clouds: {c: {region_name: one, project_name: ops, auth: {auth_url: KEYSTONE, username: ann, user_domain_name: People, password: s3cr3t, project_domain_name: Projects}}}}",
			posted: ann, host: "public one"},
		{name: "two projects, inside and outside of auth", clouds: "{clouds: {c: {region_name: one, project_name: dev, " + auth + "}}}", refuse: "different values"},
		{name: "verify in the wrong place", clouds: "{clouds: {c: {region_name: one, auth: {verify: false, auth_url: KEYSTONE, " + login + "}}}}", refuse: "auth.verify is in the wrong place"},
		{name: "a misspelt name in auth", clouds: "{clouds: {c: {region_name: one, auth: {projct_name: x, auth_url: KEYSTONE, " + login + "}}}}", refuse: "auth.projct_name is not a setting"},
		{name: "a misspelt name", clouds: "{clouds: {c: {regoin_name: one, " + auth + "}}}", refuse: "regoin_name is not a setting"},
		{name: "settings of other services", clouds: "{clouds: {c: {region_name: one, networks: [{name: n}], compute_api_version: 2, volume_endpoint_override: 'http://x', image_format: raw, " + auth + "}}}",
			posted: ann, host: "public one"},
		{name: "ids of digits", clouds: "{clouds: {c: {region_name: one, auth: {auth_url: KEYSTONE, user_id: 0012345678901234567890123456789012, password: 0123, project_id: 12345678901234567890123456789012}}}}",
			posted: "password 0012345678901234567890123456789012 project 12345678901234567890123456789012", host: "public one"},
		{name: "the region in an address", clouds: "{clouds: {c: {region_name: one, image_endpoint_override: '{region_name}:OVERRIDE', " + auth + "}}}", refuse: "image_endpoint_override"},

		{name: "variables that say the same", clouds: "{clouds: {c: {region_name: one, interface: internal, " + auth + "}}}",
			vars: env{"OS_USERNAME": "ann", "OS_PROJECT_NAME": "ops", "OS_INTERFACE": "internalURL"}, posted: ann, host: "internal one"},
		{name: "variables that fill in", clouds: "{clouds: {c: {auth: {auth_url: KEYSTONE, username: ann, user_domain_name: People, project_name: ops, project_domain_name: Projects}}}}",
			vars: env{"OS_PASSWORD": "s3cr3t", "OS_REGION_NAME": "two", "OS_ENDPOINT_TYPE": "internalURL"}, posted: ann, host: "internal two"},
		{name: "variables of another login", clouds: "{clouds: {c: {region_name: one, " + auth + "}}}",
			vars: env{"OS_USERNAME": "bob", "OS_PROJECT_NAME": "dev"}, refuse: "OS_PROJECT_NAME, OS_USERNAME in the environment are not what the cloud says; unset them"},
		{name: "a variable that the cloud does not have", clouds: "{clouds: {c: {region_name: one, auth: {auth_url: KEYSTONE, application_credential_id: c1, application_credential_secret: s3cr3t}}}}",
			vars: env{"OS_PROJECT_NAME": "dev"}, refuse: "OS_PROJECT_NAME in the environment is not what the cloud says"},
		{name: "variables that lead nowhere else", clouds: "{clouds: {c: {region_name: one, auth_type: password, verify: true, identity_api_version: 3, " + auth + "}}}",
			vars: env{"OS_PASSWORD": "wrong", "OS_AUTH_TYPE": "v3oidcpassword", "OS_VERIFY": "false", "OS_IDENTITY_API_VERSION": "2"}, posted: ann, host: "public one"},
		{name: "another region of the environment", clouds: "{clouds: {c: {region_name: one, " + auth + "}}}",
			vars: env{"OS_REGION_NAME": "two"}, refuse: "OS_REGION_NAME in the environment"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, home := newSettingsCloud(t), t.TempDir()
			config := filepath.Join(home, ".config", "openstack")
			for file, text := range map[string]string{"clouds.yml": tt.clouds, "secure.yaml": tt.secure, "clouds-public.yaml": tt.public} {
				if text != "" {
					writeText(t, config, file, strings.NewReplacer("KEYSTONE", s.keystone.URL, "OVERRIDE", s.images["override"].URL).Replace(text))
				}
			}
			vars := env{"HOME": home, "OS_CLOUD": "c"}
			for name, value := range tt.vars {
				vars[name] = value
			}
			posted, host, err := s.connectAndDelete(t, Config{Region: tt.region}, vars)
			if posted != tt.posted || host != tt.host {
				t.Errorf("logged in as %q and deleted at %q, want %q and %q (error: %v)", posted, host, tt.posted, tt.host, err)
			}
			if tt.refuse == "" && err != nil || tt.refuse != "" && (err == nil || !strings.Contains(err.Error(), tt.refuse)) {
				t.Errorf("error %v, want %q", err, tt.refuse)
			}
			if err != nil && strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}
