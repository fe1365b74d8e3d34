package cloud

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A use says what becomes of a setting.
type use int

const (
	obeyed use = iota
	refusedSetting
	unused // it says neither who we are nor where we go
)

// A setting is something that a cloud of clouds.yaml can say, or a variable
// OS_NAME. The table of all of them, [settings], is the one place that decides
// which are obeyed: a tool that deletes must not overlook one that says who it
// is or where it goes.
type setting struct {
	name string
	// others are older names of the same setting.
	others []string
	// inAuth says that it belongs into the section auth of a cloud.
	inAuth bool
	use    use
	// note says what an obeyed setting does; of a refused one, why it is refused
	// and what to do instead.
	note string
	// fills says that the variable is used where the cloud of clouds.yaml does
	// not have the setting. Any other variable must agree with the cloud.
	fills bool
	// yields says that the cloud takes precedence over a variable that says
	// something else: it leads to nobody else and nowhere else.
	yields bool
}

// names are all names of a setting.
func (s *setting) names() []string { return append([]string{s.name}, s.others...) }

const (
	federated  = "federated logins are not supported; use an application credential, or a ready token with --token-file"
	endpointIs = "set --endpoint or image_endpoint_override to the Image API"
)

var settings = []setting{
	{name: "auth_url", inAuth: true, note: "address of the Identity API, with or without /v3"},
	{name: "auth_type", others: []string{"auth_plugin"}, fills: true, yields: true, note: "`password`, `v3password`, `v3applicationcredential`, `token` or `v3token`; any other is refused"},
	{name: "username", others: []string{"user_name"}, inAuth: true, note: "user, by name in a domain"},
	{name: "user_id", inAuth: true, note: "user, by id; takes precedence over the name"},
	{name: "password", inAuth: true, fills: true, yields: true, note: "password of the user"},
	{name: "user_domain_id", inAuth: true, note: "domain of the user; takes precedence over the name"},
	{name: "user_domain_name", inAuth: true, note: "domain of the user"},
	{name: "application_credential_id", inAuth: true, note: "application credential, by id"},
	{name: "application_credential_name", inAuth: true, note: "application credential, by name; needs the user"},
	{name: "application_credential_secret", inAuth: true, fills: true, yields: true, note: "secret of the application credential"},
	{name: "token", others: []string{"auth_token"}, inAuth: true, note: "token to log in with; as a variable a ready token, unless OS_AUTH_TYPE says `token`"},
	{name: "project_id", others: []string{"tenant_id"}, inAuth: true, note: "project, by id; with an application credential the token must be for it"},
	{name: "project_name", others: []string{"tenant_name"}, inAuth: true, note: "project, by name; the token must be for it"},
	{name: "project_domain_id", inAuth: true, note: "domain of the project; takes precedence over the name"},
	{name: "project_domain_name", inAuth: true, note: "domain of the project"},
	{name: "domain_id", inAuth: true, note: "domain of user and project; without a project it is refused"},
	{name: "domain_name", inAuth: true, note: "domain of user and project; without a project it is refused"},
	{name: "default_domain_id", others: []string{"default_domain"}, inAuth: true, note: "domain of user and project that have no other"},
	{name: "default_domain_name", inAuth: true, note: "domain of user and project that have no other"},
	{name: "trust_id", inAuth: true, note: "trust, in the place of a project"},

	{name: "region_name", fills: true, note: "region of the endpoint"},
	{name: "image_region_name", fills: true, note: "takes precedence over region_name"},
	{name: "interface", others: []string{"endpoint_type"}, fills: true, note: "`public`, `internal` or `admin`, also with the ending `URL`"},
	{name: "image_interface", others: []string{"image_endpoint_type"}, fills: true, note: "takes precedence over interface"},
	{name: "image_endpoint_override", others: []string{"image_endpoint"}, fills: true, note: "endpoint of the Image API, in the place of the catalog's"},
	{name: "profile", others: []string{"cloud"}, note: "profile of clouds-public.yaml, under the settings of the cloud; openstacksdk's own profiles are refused"},
	{name: "cacert", fills: true, yields: true, note: "PEM file of the CA to trust instead of the system's"},
	{name: "cert", fills: true, yields: true, note: "PEM file of the client certificate, and of its key where key is not set"},
	{name: "key", fills: true, yields: true, note: "PEM file of the key of the client certificate"},
	{name: "verify", fills: true, yields: true, note: "`false`: certificates are not verified"},
	{name: "insecure", fills: true, yields: true, note: "`true`: certificates are not verified"},
	{name: "identity_api_version", fills: true, yields: true, note: "must be 3"},
	{name: "image_api_version", fills: true, yields: true, note: "must be 2"},

	{name: "system_scope", inAuth: true, use: refusedSetting, note: "the Image API needs a project; set project_name or project_id instead"},
	{name: "passcode", inAuth: true, use: refusedSetting, note: "one-time passcodes are not supported; use an application credential"},
	{name: "auth_methods", inAuth: true, use: refusedSetting, note: "logins with several factors are not supported; use an application credential"},
	{name: "identity_provider", inAuth: true, use: refusedSetting, note: federated},
	{name: "identity_provider_url", inAuth: true, use: refusedSetting, note: federated},
	{name: "protocol", inAuth: true, use: refusedSetting, note: federated},
	{name: "client_id", inAuth: true, use: refusedSetting, note: federated},
	{name: "client_secret", inAuth: true, use: refusedSetting, note: federated},
	{name: "access_token", inAuth: true, use: refusedSetting, note: federated},
	{name: "access_token_endpoint", inAuth: true, use: refusedSetting, note: federated},
	{name: "discovery_endpoint", inAuth: true, use: refusedSetting, note: federated},
	{name: "openid_scope", inAuth: true, use: refusedSetting, note: federated},
	{name: "authorization_code", inAuth: true, use: refusedSetting, note: federated},
	{name: "consumer_key", inAuth: true, use: refusedSetting, note: "OAuth 1.0 is not supported; use an application credential"},
	{name: "endpoint", inAuth: true, use: refusedSetting, note: endpointIs},
	{name: "url", inAuth: true, use: refusedSetting, note: endpointIs},
	{name: "service_endpoint", use: refusedSetting, note: endpointIs},
	{name: "service_token", use: refusedSetting, note: "set --token-file or OS_TOKEN instead"},
	{name: "endpoint_override", use: refusedSetting, note: endpointIs},
	{name: "image_url", use: refusedSetting, note: endpointIs},
	{name: "image_service_type", use: refusedSetting, note: "the service is the one of type image; " + endpointIs},
	{name: "image_service_name", use: refusedSetting, note: "the service is the one of type image; " + endpointIs},
	{name: "service_type", use: refusedSetting, note: "the service is the one of type image; " + endpointIs},
	{name: "service_name", use: refusedSetting, note: "the service is the one of type image; " + endpointIs},

	{name: "identity_endpoint_override", use: unused, note: "logins go to auth_url, as those of openstacksdk do"},
	{name: "allow_reauth", inAuth: true, use: unused, note: "a token that has expired is renewed anyway"},
	{name: "*_endpoint_override, *_interface, *_region_name … of other services", use: unused, note: "only the Image API is used"},
	{name: "api_timeout, force_ipv4, networks, image_format …", use: unused, note: "settings of openstacksdk that say neither who nor where"},
}

// unusedForm is the form of the settings of openstacksdk that are unused, but
// for those of the table. A name of another form is not known, and refused: it
// may be a misspelling of one that matters.
var unusedForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(` +
		// Of other services; those of the Image API are in the table.
		`.+_(endpoint_override|endpoint|endpoint_type|interface|region_name|service_type|service_name|api_version)` +
		`|.+_(default_microversion|min_version|max_version|timeout|retries|status_codes|concurrency)` +
		`|(has|disabled_reason|floating_ip|secgroup|nat|object_store)_.+|image_(format|api_use_tasks)` +
		`|timeout|force_ipv4|prefer_ipv6|networks|(external|internal|default)_network|use_(external|internal)_network|use_direct_get|private` +
		`|metrics|statsd|influxdb|cache|client|rate_limits|disable_vendor_agent|vendor_hook|requires_floating_ip|config_drive|message|status` +
		`|description|locale|debug|verbose_level|log_file|log_level|app_name|app_version|interface_versions)$`)
})

// byName finds the setting of a name, of which any spelling will do.
var byName = sync.OnceValue(func() map[string]*setting {
	names := make(map[string]*setting)
	for i := range settings {
		s := &settings[i]
		for _, name := range s.names() {
			names[name] = s
		}
	}
	return names
})

// values are the settings that are set, by name.
type values map[string]string

// put sets one setting, under any of its names, or says why it cannot be.
func (v values) put(from place, s *setting, name, value string) error {
	if value == "" || s.use == unused {
		return nil
	}
	if s.use == refusedSetting {
		return fmt.Errorf("%s is set: %s", from.quote(name), s.note)
	}
	if other, ok := v[s.name]; ok && !s.same(other, value) {
		return fmt.Errorf("%s is set twice, to different values; correct or remove one of %s", from.quote(name),
			strings.Join(from.keys(s.names()...), ", "))
	}
	if _, ok := v[s.name]; !ok || name == s.name {
		v[s.name] = value
	}
	return nil
}

// same reports whether two values of a setting say the same.
func (s *setting) same(a, b string) bool {
	switch s.name {
	case "interface", "image_interface":
		return strings.TrimSuffix(a, "URL") == strings.TrimSuffix(b, "URL")
	case "auth_url", "image_endpoint_override":
		return trimVersion(strings.TrimSpace(a)) == trimVersion(strings.TrimSpace(b))
	case "auth_type":
		return authKinds[a] == authKinds[b] && authKinds[a] != ""
	}
	return a == b
}

// environmentValues are the settings of the variables, of those that are wanted.
func environmentValues(getenv func(string) string, wanted func(*setting) bool) (values, error) {
	v := make(values)
	for i := range settings {
		s := &settings[i]
		for _, name := range s.names() {
			if name == "cloud" || !wanted(s) { // OS_CLOUD names a cloud, not a profile
				continue
			}
			if err := v.put(environment, s, name, getenv(environment.key(name))); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// forKeystone wants every setting but the token, which is a ready one unless
// OS_AUTH_TYPE says that it is there to log in with.
func (c Config) forKeystone(s *setting) bool { return s.name != "token" || c.logsInByToken() }

func (c Config) logsInByToken() bool {
	return authKinds[cmp.Or(c.Getenv("OS_AUTH_TYPE"), c.Getenv("OS_AUTH_PLUGIN"))] == byToken
}

// withoutLogin wants those that matter where nobody logs in at Keystone.
func withoutLogin(s *setting) bool {
	return s.fills && !s.inAuth || s.name == "project_id" || s.name == "project_name"
}

// fill adds to the settings of a cloud those of the environment. The cloud takes
// precedence, as it does for openstacksdk, which looks at no variable then. But the
// openstack client would follow one: where it says who we are or where we go in
// another way than the cloud, nobody knows which of them is meant.
func (v values) fill(from place, env values) error {
	var strange []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		s := byName()[name]
		switch value, ok := v[name]; {
		case ok && (s.yields || s.same(value, env[name])):
		case !ok && s.fills:
			v[name] = env[name]
		default:
			strange = append(strange, environment.key(name))
		}
	}
	if len(strange) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s in the environment %s not what the cloud says; unset %s, or choose no cloud", from.name,
		strings.Join(strange, ", "), isAre(len(strange)), itThem(len(strange)))
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func itThem(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// flatten reads the settings of a cloud, those that stand in its section auth
// and those that do not.
func (p place) flatten(cloud node) (values, error) {
	v := make(values)
	for _, name := range slices.Sorted(maps.Keys(cloud.section)) {
		switch {
		case name == "auth":
			if err := v.putAuth(p, cloud.section[name]); err != nil {
				return nil, err
			}
			continue
		case name == "regions":
			continue
		}
		s := byName()[name]
		if s == nil {
			if unusedForm().MatchString(name) {
				continue
			}
			return nil, fmt.Errorf("%s is not a setting that imsrevoke knows; correct its name, or remove it", p.quote(name))
		}
		// openstacksdk finds what belongs into auth here too.
		if err := v.putNode(p, s, name, cloud.section[name]); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v values) putAuth(p place, auth node) error {
	if auth.section == nil && !auth.empty() {
		return fmt.Errorf("%s is not a section of settings; write them below it, indented", p.quote("auth"))
	}
	for _, name := range slices.Sorted(maps.Keys(auth.section)) {
		s := byName()[name]
		switch {
		case s == nil:
			return fmt.Errorf("%s is not a setting that imsrevoke knows; correct its name, or remove it", p.quote("auth."+name))
		case !s.inAuth:
			return fmt.Errorf("%s is in the wrong place; move %s out of the section auth", p.quote("auth."+name), name)
		}
		if err := v.putNode(p, s, name, auth.section[name]); err != nil {
			return err
		}
	}
	return nil
}

func (v values) putNode(p place, s *setting, name string, n node) error {
	if s.use == obeyed && (n.section != nil || n.list != nil) {
		return fmt.Errorf("%s is not one value; write it as %s: VALUE", p.quote(name), name)
	}
	text := n.text
	if s.use == refusedSetting && !n.empty() {
		text = "set" // whatever it is
	}
	return v.put(p, s, name, text)
}
