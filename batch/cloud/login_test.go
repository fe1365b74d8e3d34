package cloud_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
)

// wantPosted compares what Keystone was sent with JSON.
func wantPosted(t *testing.T, k *keystone, want ...string) {
	t.Helper()
	posted := k.posted()
	if len(posted) != len(want) {
		t.Fatalf("%d logins, want %d", len(posted), len(want))
	}
	for i := range want {
		var g, w any
		if err := json.Unmarshal([]byte(posted[i]), &g); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(want[i]), &w); err != nil {
			t.Fatalf("%v in %s", err, want[i])
		}
		if diff := gocmp.Diff(w, g); diff != "" {
			t.Errorf("posted to Keystone (-want +got):\n%s", diff)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	const (
		ann     = `"identity":{"methods":["password"],"password":{"user":{"name":"ann","password":"s3cr3t","domain":{"name":"People"}}}}`
		annByID = `"identity":{"methods":["password"],"password":{"user":{"id":"a1","password":"s3cr3t"}}}`
		appCred = `"identity":{"methods":["application_credential"],"application_credential":{"id":"c1","secret":"s3cr3t"}}`
	)
	tests := []struct {
		name string
		vars env
		want string
	}{
		{"user and project have domains of their own",
			env{"OS_USERNAME": "ann", "OS_USER_DOMAIN_NAME": "People", "OS_PASSWORD": "s3cr3t", "OS_PROJECT_NAME": "ops", "OS_PROJECT_DOMAIN_ID": "d2"},
			`{` + ann + `,"scope":{"project":{"name":"ops","domain":{"id":"d2"}}}}`},
		{"a project id needs no name and no domain",
			env{"OS_USERNAME": "ann", "OS_USER_DOMAIN_NAME": "People", "OS_PASSWORD": "s3cr3t", "OS_PROJECT_ID": "p1", "OS_PROJECT_NAME": "ops", "OS_PROJECT_DOMAIN_ID": "d2"},
			`{` + ann + `,"scope":{"project":{"id":"p1"}}}`},
		{"a project without a domain is in the user's",
			env{"OS_USERNAME": "ann", "OS_USER_DOMAIN_NAME": "People", "OS_PASSWORD": "s3cr3t", "OS_PROJECT_NAME": "cn-north-4"},
			`{` + ann + `,"scope":{"project":{"name":"cn-north-4","domain":{"name":"People"}}}}`},
		{"one domain for both, and the old word for a project",
			env{"OS_USERNAME": "ann", "OS_DOMAIN_NAME": "People", "OS_PASSWORD": "s3cr3t", "OS_TENANT_NAME": "ops"},
			`{` + ann + `,"scope":{"project":{"name":"ops","domain":{"name":"People"}}}}`},
		{"without any domain it is the default one",
			env{"OS_USERNAME": "bob", "OS_PASSWORD": "s3cr3t", "OS_TENANT_ID": "p1"},
			`{"identity":{"methods":["password"],"password":{"user":{"name":"bob","password":"s3cr3t","domain":{"id":"default"}}}},"scope":{"project":{"id":"p1"}}}`},
		{"a domain id goes before its name",
			env{"OS_USERNAME": "bob", "OS_PASSWORD": "s3cr3t", "OS_USER_DOMAIN_ID": "d1", "OS_USER_DOMAIN_NAME": "People", "OS_PROJECT_ID": "p1"},
			`{"identity":{"methods":["password"],"password":{"user":{"name":"bob","password":"s3cr3t","domain":{"id":"d1"}}}},"scope":{"project":{"id":"p1"}}}`},
		{"a user id needs no name and no domain",
			env{"OS_USER_ID": "a1", "OS_USERNAME": "ann", "OS_USER_DOMAIN_NAME": "People", "OS_PASSWORD": "s3cr3t", "OS_PROJECT_ID": "p1"},
			`{` + annByID + `,"scope":{"project":{"id":"p1"}}}`},
		{"an application credential asks for no scope",
			env{"OS_APPLICATION_CREDENTIAL_ID": "c1", "OS_APPLICATION_CREDENTIAL_SECRET": "s3cr3t", "OS_USERNAME": "ann", "OS_PROJECT_NAME": "ops"},
			`{` + appCred + `}`},
		{"an application credential by name needs its user",
			env{"OS_APPLICATION_CREDENTIAL_NAME": "job", "OS_APPLICATION_CREDENTIAL_SECRET": "s3cr3t", "OS_USERNAME": "ann", "OS_USER_DOMAIN_ID": "d1"},
			`{"identity":{"methods":["application_credential"],"application_credential":{"name":"job","secret":"s3cr3t","user":{"name":"ann","domain":{"id":"d1"}}}}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newKeystone(t)
			s := mustConnect(t, cloud.Config{}, tt.vars.with(env{"OS_AUTH_URL": k.URL}))
			wantPosted(t, k, tt.want)
			id, name := s.Project()
			if want := cmp.Or(tt.vars["OS_PROJECT_ID"], tt.vars["OS_TENANT_ID"], "4f1a"); id != want {
				t.Errorf("project %q %q, want %q, which is that of the token", id, name, want)
			}
		})
	}
}

func TestAuthURLInAnySpelling(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", "/", "/v3", "/v3/", "/v2.0"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			k := newKeystone(t)
			mustConnect(t, cloud.Config{}, k.password().with(env{"OS_AUTH_URL": k.URL + path}))
		})
	}
}

func TestWhichCredentialsAreUsed(t *testing.T) {
	t.Parallel()
	k := newKeystone(t)
	dir := t.TempDir()
	tokenFile := writeFile(t, dir, "tok", "s3cr3t\n")
	writeFile(t, dir, "creds/token", "s3cr3t\n")
	// A login of the environment that is not that of the cloud is refused beside it.
	clouds := env{
		"OS_CLIENT_CONFIG_FILE": writeFile(t, dir, "clouds.yaml", "clouds: {prod: {auth: {auth_url: '"+k.URL+
			"', application_credential_id: c1, application_credential_secret: s3cr3t}}, old: {auth: {auth_url: '"+k.URL+"', token: s3cr3t, project_id: p1}}}"),
		"OS_CLOUD":              "prod",
		"OS_TOKEN":              "s3cr3t-a",
		"OS_AUTH_TOKEN":         "s3cr3t-b",
		"CREDENTIALS_DIRECTORY": dir + "/creds",
	}
	all := clouds.with(k.password())
	const endpoint = "https://image.example.com"
	tests := []struct {
		name   string
		config cloud.Config
		vars   env
		want   string
	}{
		{"a token file goes first", cloud.Config{TokenFile: tokenFile}, all, "token from file " + tokenFile},
		{"then a cloud that is asked for", cloud.Config{OSCloud: "prod"}, clouds, "application credential from clouds.yaml (cloud prod)"},
		{"then the token of the service manager", cloud.Config{}, all, "token from $CREDENTIALS_DIRECTORY/token"},
		{"then a token of the environment", cloud.Config{}, all.with(env{"CREDENTIALS_DIRECTORY": ""}), "token from OS_TOKEN"},
		{"a directory of credentials may hold others", cloud.Config{}, all.with(env{"CREDENTIALS_DIRECTORY": dir + "/none"}), "token from OS_TOKEN"},
		{"also by its other name", cloud.Config{}, all.with(env{"CREDENTIALS_DIRECTORY": "", "OS_TOKEN": ""}), "token from OS_AUTH_TOKEN"},
		{"without a token, the cloud of the environment", cloud.Config{Auth: cloud.AuthKeystone}, clouds, "application credential from clouds.yaml (cloud prod)"},
		{"without a cloud, the variables", cloud.Config{Auth: cloud.AuthKeystone}, all.with(env{"OS_CLOUD": ""}), "password from OS_* variables"},
		{"a token goes first when tokens are asked for", cloud.Config{Auth: cloud.AuthToken, OSCloud: "prod"}, all, "token from $CREDENTIALS_DIRECTORY/token"},
		{"a cloud may hold a token", cloud.Config{Auth: cloud.AuthAuto, OSCloud: "old"}, clouds, "token from clouds.yaml (cloud old)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.config.Endpoint = endpoint
			s := mustConnect(t, tt.config, tt.vars)
			if s.Method() != tt.want {
				t.Errorf("used %q, want %q", s.Method(), tt.want)
			}
			if s.Endpoint().String() != endpoint {
				t.Errorf("endpoint %s, want the one that was given", s.Endpoint())
			}
		})
	}
}

func TestNoCredentials(t *testing.T) {
	t.Parallel()
	file := writeFile(t, t.TempDir(), "tok", "s3cr3t")
	url := env{"OS_AUTH_URL": "https://iam.example.com"}
	tests := []struct {
		name   string
		config cloud.Config
		vars   env
		want   []string
	}{
		{"nothing at all", cloud.Config{}, nil,
			[]string{"no credentials", "--token-file", "OS_TOKEN", "--os-cloud", "OS_CLOUD", "OS_AUTH_URL", "OS_APPLICATION_CREDENTIAL_ID", "OS_PASSWORD"}},
		{"nothing for Keystone", cloud.Config{Auth: cloud.AuthKeystone}, nil, []string{"no credentials for Keystone: looked for --os-cloud, OS_CLOUD and OS_AUTH_URL; set OS_CLOUD"}},
		{"nothing but an endpoint", cloud.Config{Endpoint: "https://image.example.com"}, nil, []string{"no credentials: looked for --token-file", "OS_TOKEN together with --endpoint"}},
		{"nothing but a region of OpenStack", cloud.Config{}, env{"OS_REGION_NAME": "RegionOne"}, []string{"no credentials: looked for --token-file"}},
		{"a login without an address", cloud.Config{}, env{"OS_USERNAME": "ann", "OS_PASSWORD": "s3cr3t", "OS_REGION_NAME": "RegionOne"}, []string{"OS_AUTH_URL is missing"}},
		{"a token file that is not there", cloud.Config{TokenFile: "/nonexistent/tok", Endpoint: "https://image.example.com"}, nil,
			[]string{"cannot read the token file /nonexistent/tok: no such file or directory; name another with --token-file"}},
		{"no token", cloud.Config{Auth: cloud.AuthToken}, nil, []string{"no token", "--token-file", "OS_TOKEN"}},
		{"a token without an endpoint", cloud.Config{}, env{"OS_TOKEN": "s3cr3t"}, []string{"token from OS_TOKEN", "--endpoint", "--auth keystone"}},
		{"two at once", cloud.Config{TokenFile: file, OSCloud: "prod"}, nil, []string{file, "choose one"}},
		{"a token file, but no token is asked for", cloud.Config{TokenFile: file, Auth: cloud.AuthKeystone}, nil, []string{file, "choose one"}},
		{"an unknown kind", cloud.Config{Auth: "kerberos"}, nil, []string{`"kerberos"`, "auto, token, keystone or aksk"}},
		{"no password", cloud.Config{}, url.with(env{"OS_USERNAME": "ann"}), []string{"OS_PASSWORD or OS_APPLICATION_CREDENTIAL_ID is missing"}},
		{"no user", cloud.Config{}, url.with(env{"OS_PASSWORD": "s3cr3t"}), []string{"OS_USERNAME or OS_USER_ID is missing"}},
		{"no secret", cloud.Config{}, url.with(env{"OS_APPLICATION_CREDENTIAL_ID": "c1"}), []string{"OS_APPLICATION_CREDENTIAL_SECRET is missing"}},
		{"no user of a named credential", cloud.Config{}, url.with(env{"OS_APPLICATION_CREDENTIAL_NAME": "c", "OS_APPLICATION_CREDENTIAL_SECRET": "s3cr3t"}),
			[]string{"OS_USERNAME or OS_USER_ID is missing"}},
		{"a password in the address", cloud.Config{}, env{"OS_AUTH_URL": "https://ann:s3cr3t@iam.example.com", "OS_PASSWORD": "s3cr3t", "OS_USERNAME": "ann"},
			[]string{"OS_AUTH_URL", "holds a user name"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := connect(t, tt.config, tt.vars)
			wantError(t, err, tt.want...)
			if errors.Is(err, batch.ErrUnauthorized) {
				t.Error("nobody has refused anything")
			}
		})
	}
}

func TestKeystoneAnswers(t *testing.T) {
	t.Parallel()
	const wrong = `{"error":{"code":401,"message":"The request you have made\n requires authentication.","title":"Unauthorized"}}`
	tests := []struct {
		name    string
		status  int
		body    string
		refused bool
		want    []string
	}{
		{"a wrong password", 401, wrong, true, []string{"401 Unauthorized", "password from OS_* variables", "(The request you have made requires authentication.)", "OS_AUTH_URL"}},
		{"a gateway that refuses", 401, `{"error_msg":"Incorrect IAM authentication information","error_code":"APIGW.0301"}`, true, []string{"(Incorrect IAM authentication information)"}},
		{"a user who may not", 403, "", true, []string{"403 Forbidden"}},
		{"an address that is not Keystone's", 404, "<html>s3cr3t</html>", true, []string{"404 Not Found", "OS_AUTH_URL"}},
		{"an answer that repeats the password", 400, `{"error":{"message":"bad password s3cr3t-password"}}`, true, []string{"(bad password [redacted])"}},
		{"a long story", 401, `{"error":{"message":"` + strings.Repeat("long ", 100) + `"},"sent":"s3cr3t-password"}`, true, []string{"long …)"}},
		{"throttled", 429, "", false, []string{"429 Too Many Requests"}},
		{"in trouble", 500, "s3cr3t", false, []string{"500 Internal Server Error"}},
		{"in maintenance", 503, "", false, []string{"503 Service Unavailable"}},
		{"no token", 201, `{"token":{}}`, false, []string{"no usable token", "X-Subject-Token is empty"}},
		{"a page that is no token", 201, `<html>s3cr3t`, false, []string{"no usable answer"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newKeystone(t)
			k.answerWith(tt.status, tt.body)
			_, _, err := connect(t, cloud.Config{}, k.password())
			wantError(t, err, append(tt.want, k.URL)...)
			if got := errors.Is(err, batch.ErrUnauthorized); got != tt.refused {
				t.Errorf("refused = %t, want %t: %v", got, tt.refused, err)
			}
			if n := len(k.posted()); n != 1 {
				t.Errorf("logged in %d times, want once", n)
			}
		})
	}
}

func TestKeystoneDown(t *testing.T) {
	t.Parallel()
	k := newKeystone(t)
	k.Close()
	_, _, err := connect(t, cloud.Config{}, k.password())
	wantError(t, err, k.URL, "gave no usable answer")
	if errors.Is(err, batch.ErrUnauthorized) {
		t.Errorf("%v is taken for a refusal", err)
	}
}

func TestKeystoneWithoutEnd(t *testing.T) {
	t.Parallel()
	const most = 64 << 20
	k := newKeystone(t)
	written := 0
	k.answer = func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		for written < most {
			n, err := w.Write(make([]byte, 1<<16))
			if written += n; err != nil {
				return
			}
		}
	}
	_, _, err := connect(t, cloud.Config{}, k.password())
	wantError(t, err, "502 Bad Gateway")
	k.Close() // waits for the answer to end
	if written >= most {
		t.Errorf("an answer of %d bytes was read to its end", written)
	}
}

func TestKeystoneWithoutTLS(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it is not to be reached
	var log lockedBuffer
	_, err := cloud.Connect(ctx, cloud.Config{
		Getenv: env{"OS_AUTH_URL": "http://keystone.example.com", "OS_USER_ID": "a1", "OS_PASSWORD": "s3cr3t"}.get,
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that the context was canceled", err)
	}
	if text := log.String(); !strings.Contains(text, "unencrypted") || !strings.Contains(text, "http://keystone.example.com") {
		t.Errorf("no warning that the password travels unencrypted; log: %s", text)
	}
}

func TestPasswordFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	elsewhere, k := newKeystone(t), newKeystone(t)
	k.answer = func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}
	_, _, err := connect(t, cloud.Config{}, k.password())
	wantError(t, err, "307")
	wantPosted(t, elsewhere)
}

func TestUserAgent(t *testing.T) {
	t.Parallel()
	k := newKeystone(t)
	var got string
	k.answer = func(_ http.ResponseWriter, r *http.Request) { got = r.UserAgent() }
	connect(t, cloud.Config{UserAgent: "imsrevoke/1.2"}, k.password())
	if !strings.HasPrefix(got, "imsrevoke/1.2 ") {
		t.Errorf("Keystone was asked by %q", got)
	}
}
