package cloud

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

// A login is a way into a cloud that the configuration describes.
type login struct {
	issuer   issuer
	method   string
	cloud    string   // of clouds.yaml, empty for other credentials
	endpoint *url.URL // nil: it is in the catalog
	setting  string   // that has the endpoint
	region   string
	// project is the one that the settings name. A ready token does not say
	// what it is for.
	project      tokens.Project
	availability gophercloud.Availability
	tls          *tls.Config
}

// What can be set, in the words of the errors below.
const (
	setKeystone = "set OS_CLOUD to a cloud of clouds.yaml, " +
		"or OS_AUTH_URL with OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME " +
		"or with OS_APPLICATION_CREDENTIAL_ID and OS_APPLICATION_CREDENTIAL_SECRET"
	setAccessKey = "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK"
)

var (
	errNoCredentials = errors.New("no credentials: looked for --token-file, $CREDENTIALS_DIRECTORY/token, OS_TOKEN, OS_AUTH_TOKEN, " +
		"--os-cloud, OS_CLOUD, OS_AUTH_URL, HUAWEICLOUD_SDK_AK, HW_ACCESS_KEY and ~/.huaweicloud/credentials; " + setKeystone +
		", or OS_TOKEN together with --endpoint, or " + setAccessKey + " together with --region")
	errNoKeystone  = errors.New("no credentials for Keystone: looked for --os-cloud, OS_CLOUD and OS_AUTH_URL; " + setKeystone)
	errNoAccessKey = errors.New("no access key: looked for HUAWEICLOUD_SDK_AK, HW_ACCESS_KEY and ~/.huaweicloud/credentials; set " + setAccessKey)
)

// locate finds the Image API, and the region it is in.
func (l *login) locate(g *grant) (endpoint *url.URL, region string, err error) {
	if l.endpoint != nil {
		return l.endpoint, l.region, nil
	}
	if len(g.catalog) == 0 && g.project.ID == "" {
		return nil, "", errors.New("the token is for no project, so its catalog is empty: " +
			"set OS_PROJECT_NAME or OS_PROJECT_ID, or project_name in clouds.yaml")
	}
	address, region, err := imageEndpoint(g.catalog, l.availability, l.region)
	if err != nil {
		return nil, "", err
	}
	if endpoint, err = parseBase("the image endpoint of the catalog", address); err != nil {
		return nil, "", err
	}
	if k, ok := l.issuer.(*keystone); ok && k.url.Scheme == "https" && isPlain(endpoint) {
		return nil, "", fmt.Errorf("the catalog of Keystone at %s has %s, where the token would travel unencrypted: "+
			"set --endpoint to an https:// address of the Image API, or to %s if that is meant", k.url, endpoint, endpoint)
	}
	return endpoint, region, nil
}

// settleProject refuses a token that is for another project than the settings
// name: an application credential has one of its own, whatever they say. A
// ready token does not say what it is for, and the settings are believed.
func (l *login) settleProject(g *grant) error {
	want, got := l.project, g.project
	if _, ready := l.issuer.(*readyToken); ready {
		g.project = want
		return nil
	}
	if got.ID == "" && l.endpoint == nil {
		return nil // [login.locate] says more of a token for no project
	}
	if want.ID != "" && want.ID != got.ID || want.Name != "" && !strings.EqualFold(want.Name, got.Name) {
		return fmt.Errorf("the token is for project %s, not for %s as configured; correct the credentials, or project_id and project_name",
			nameProject(got), nameProject(want))
	}
	return nil
}

func nameProject(p tokens.Project) string {
	if p.ID == "" || p.Name == "" {
		return cmp.Or(p.ID, p.Name, "(none)")
	}
	return p.Name + " (" + p.ID + ")"
}

// access says which interface of the catalog is used, empty when none is.
func (l *login) access() string {
	if l.endpoint != nil {
		return ""
	}
	return string(l.availability)
}

// findLogin decides which credentials are used.
func (c Config) findLogin() (*login, error) {
	switch c.Auth {
	case "", AuthAuto, AuthToken, AuthKeystone, AuthAKSK:
	default:
		return nil, fmt.Errorf("%q is not a kind of credentials; use %s, %s, %s or %s", c.Auth, AuthAuto, AuthToken, AuthKeystone, AuthAKSK)
	}
	other := c.Auth == AuthKeystone || c.Auth == AuthAKSK
	if c.TokenFile != "" && (other || c.Auth != AuthToken && c.OSCloud != "") {
		return nil, fmt.Errorf("both a token file (%s) and other credentials are given; choose one", c.TokenFile)
	}
	if c.Auth == AuthAKSK {
		key, err := c.findAccessKey()
		if err != nil {
			return nil, err
		}
		return c.accessKeyLogin(key, errNoAccessKey)
	}
	// A cloud named to us goes before a token that merely happens to be there.
	if c.Auth == AuthToken || c.Auth != AuthKeystone && c.OSCloud == "" {
		token, err := c.findToken()
		if err != nil {
			return nil, err
		}
		if token != nil {
			return c.tokenLogin(token)
		}
	}
	if c.Auth == AuthToken {
		return nil, errors.New("no token: looked for --token-file, $CREDENTIALS_DIRECTORY/token, OS_TOKEN and OS_AUTH_TOKEN; set one of them")
	}
	if c.OSCloud == "" {
		c.OSCloud = c.Getenv("OS_CLOUD")
	}
	switch {
	case c.OSCloud != "":
		return c.cloudsLogin()
	case c.Getenv("OS_AUTH_URL") != "":
		return c.environmentLogin()
	case c.Auth == AuthKeystone:
		return nil, c.noLogin(errNoKeystone)
	}
	return c.anyAccessKey()
}

// noLogin is the error for credentials that were not found: otherwise, unless
// there are some for Keystone that only lack its address.
func (c Config) noLogin(otherwise error) error {
	for _, part := range []string{"username", "user_id", "password", "application_credential_id", "application_credential_name"} {
		if c.Getenv(environment.key(part)) != "" {
			return environment.missing("auth_url")
		}
	}
	return otherwise
}

// anyAccessKey uses an access key because nothing else was found. The metadata
// service is asked only where its key could be of use, so that nobody who has
// forgotten to set anything waits for it.
func (c Config) anyAccessKey() (*login, error) {
	key, err := c.findAccessKey()
	if err != nil {
		return nil, err
	}
	region := c.huaweiRegion()
	asks := regionForm().MatchString(region) || region == "" && c.Endpoint != "" && c.huaweiProject() != ""
	if key == nil && !asks {
		return nil, c.noLogin(errNoCredentials)
	}
	return c.accessKeyLogin(key, errNoCredentials)
}

// tokenLogin uses a ready token.
func (c Config) tokenLogin(token *readyToken) (*login, error) {
	v, err := environmentValues(c.Getenv, withoutLogin)
	if err != nil {
		return nil, err
	}
	l := &login{issuer: token, method: token.method, project: tokens.Project{ID: v["project_id"], Name: v["project_name"]}}
	if err := c.apply(l, environment, v); err != nil {
		return nil, err
	}
	if l.endpoint == nil {
		return nil, fmt.Errorf("the %s has no catalog; set --endpoint to the Image API, or choose other credentials with --auth %s",
			token.method, AuthKeystone)
	}
	return l, nil
}

// environmentLogin uses the OS_ variables.
func (c Config) environmentLogin() (*login, error) {
	v, err := environmentValues(c.Getenv, c.forKeystone)
	if err != nil {
		return nil, err
	}
	if v["profile"] != "" {
		profile, err := c.profileNode(environment, node{section: map[string]node{"profile": {text: v["profile"]}}})
		if err != nil {
			return nil, err
		}
		below, err := environment.flatten(profile)
		if err != nil {
			return nil, err
		}
		maps.Copy(below, v)
		v = below
	}
	return c.keystoneLogin(environment, v)
}

// cloudsLogin uses the cloud of clouds.yaml that c.OSCloud names.
func (c Config) cloudsLogin() (*login, error) {
	env, err := environmentValues(c.Getenv, c.forKeystone)
	if err != nil {
		return nil, err
	}
	v, err := c.cloudValues(c.OSCloud, cmp.Or(c.Region, env["region_name"]))
	if err != nil {
		return nil, err
	}
	// Flags take precedence over variables.
	if c.Region != "" {
		delete(env, "region_name")
		delete(env, "image_region_name")
	}
	if c.CACert != "" {
		delete(env, "cacert")
	}
	if c.Endpoint != "" {
		for _, name := range []string{"image_endpoint_override", "interface", "image_interface"} {
			delete(env, name)
		}
	}
	from := cloudsYAML(c.OSCloud)
	if err := v.fill(from, env); err != nil {
		return nil, err
	}
	l, err := c.keystoneLogin(from, v)
	if err != nil {
		return nil, err
	}
	l.cloud = c.OSCloud
	return l, nil
}

// keystoneLogin logs in at Keystone with what was found in a place.
func (c Config) keystoneLogin(from place, v values) (*login, error) {
	l := &login{}
	if err := errors.Join(from.checkVersion(v, "identity_api_version", "3"), c.apply(l, from, v)); err != nil {
		return nil, err
	}
	k, err := newKeystone(from, v, l.tls, c.UserAgent)
	if err != nil {
		return nil, err
	}
	warnPlain(c.Logger, "Keystone", k.url)
	l.issuer, l.method = k, k.method()
	l.project = tokens.Project{ID: v["project_id"], Name: v["project_name"]}
	return l, nil
}

// checkVersion refuses a version of an API that is not spoken here.
func (p place) checkVersion(v values, name, want string) error {
	major, _, _ := strings.Cut(strings.TrimPrefix(v[name], "v"), ".")
	if major != "" && major != want {
		return fmt.Errorf("%s %q is not supported; set it to %s, or remove it", p.quote(name), v[name], want)
	}
	return nil
}

// apply obeys the settings that say where we go, and whom to trust there.
func (c Config) apply(l *login, from place, v values) error {
	err := from.checkVersion(v, "image_api_version", "2")
	if err != nil {
		return err
	}
	if l.tls, err = c.tlsConfig(from, v); err != nil {
		return err
	}
	l.region = cmp.Or(c.Region, v["image_region_name"], v["region_name"])
	if strings.Contains(l.region, ",") {
		return fmt.Errorf("%s %q names several regions; set --region to one of them", from.quote("region_name"), l.region)
	}
	which := "interface"
	if v["image_interface"] != "" {
		which = "image_interface"
	}
	if l.availability, err = parseInterface(from.quote(which), v[which]); err != nil {
		return err
	}
	for _, name := range []string{"auth_url", "image_endpoint_override"} {
		v[name] = strings.ReplaceAll(v[name], "{region_name}", l.region)
	}
	switch override := v["image_endpoint_override"]; {
	case c.Endpoint != "":
		l.setting = "--endpoint"
		l.endpoint, err = parseBase(l.setting, c.Endpoint)
	case override != "":
		l.setting = from.quote("image_endpoint_override")
		l.endpoint, err = parseBase(l.setting, override)
	default:
		l.setting = "the catalog of Keystone, or set --endpoint"
	}
	return err
}
