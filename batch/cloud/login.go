package cloud

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
)

// A login is a way into a cloud that the configuration describes.
type login struct {
	issuer       issuer
	method       string
	endpoint     *url.URL // nil: it is in the catalog
	region       string
	availability gophercloud.Availability
	tls          *tls.Config
}

var errNoCredentials = errors.New("no credentials: looked for --token-file, $CREDENTIALS_DIRECTORY/token, OS_TOKEN, OS_AUTH_TOKEN, " +
	"--os-cloud, OS_CLOUD, OS_AUTH_URL, HUAWEICLOUD_SDK_AK, HW_ACCESS_KEY and ~/.huaweicloud/credentials; " +
	"set OS_CLOUD to a cloud of clouds.yaml, " +
	"or OS_AUTH_URL with OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME " +
	"or with OS_APPLICATION_CREDENTIAL_ID and OS_APPLICATION_CREDENTIAL_SECRET, " +
	"or OS_TOKEN together with --endpoint, " +
	"or HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK together with --region")

var errNoAccessKey = errors.New("no access key: looked for HUAWEICLOUD_SDK_AK, HW_ACCESS_KEY and ~/.huaweicloud/credentials; " +
	"set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK")

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
	endpoint, err = parseBase("the image endpoint of the catalog", address)
	return endpoint, region, err
}

// findLogin decides which credentials are used.
func (c Config) findLogin() (*login, error) {
	switch c.Auth {
	case "", AuthAuto, AuthToken, AuthKeystone, AuthAKSK:
	default:
		return nil, fmt.Errorf("%q is no kind of credentials: use %s, %s, %s or %s", c.Auth, AuthAuto, AuthToken, AuthKeystone, AuthAKSK)
	}
	other := c.Auth == AuthKeystone || c.Auth == AuthAKSK
	if c.TokenFile != "" && (other || c.Auth != AuthToken && c.OSCloud != "") {
		return nil, fmt.Errorf("both a token file (%s) and other credentials are asked for: choose one", c.TokenFile)
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
		return nil, errNoCredentials
	}
	return c.anyAccessKey()
}

// anyAccessKey uses an access key because nothing else was found. The metadata
// service is asked only where its key could be of use, so that nobody who has
// forgotten to set anything waits for it.
func (c Config) anyAccessKey() (*login, error) {
	key, err := c.findAccessKey()
	if err != nil {
		return nil, err
	}
	if key == nil && c.Endpoint == "" && c.region() == "" && c.Getenv("HW_REGION_NAME") == "" {
		return nil, errNoCredentials
	}
	return c.accessKeyLogin(key, errNoCredentials)
}

// tokenLogin uses a ready token.
func (c Config) tokenLogin(token *readyToken) (*login, error) {
	if c.Endpoint == "" {
		return nil, fmt.Errorf("the %s comes without a catalog: set --endpoint to the Image API, or take other credentials with --auth %s",
			token.method, AuthKeystone)
	}
	config, err := c.tlsConfig()
	if err != nil {
		return nil, err
	}
	l := &login{issuer: token, method: token.method, region: c.region(), tls: config}
	l.endpoint, err = parseBase("--endpoint", c.Endpoint)
	return l, err
}

// environmentLogin uses the OS_ variables.
func (c Config) environmentLogin() (*login, error) {
	config, err := c.tlsConfig()
	if err != nil {
		return nil, err
	}
	l := &login{region: c.region(), tls: config}
	if l.availability, err = parseInterface(c.Getenv("OS_INTERFACE")); err != nil {
		return nil, err
	}
	return l, c.finish(l, environment, environmentAuth(c.Getenv), "")
}

// cloudsLogin uses the cloud of clouds.yaml that c.OSCloud names.
func (c Config) cloudsLogin() (*login, error) {
	file, err := openCloudsFile(c.Getenv)
	if err != nil {
		return nil, err
	}
	entry, err := file.entry(c.OSCloud)
	if err != nil {
		return nil, err
	}
	insecure, err := c.insecure()
	if err != nil {
		return nil, err
	}
	options := append(file.options(c.OSCloud),
		clouds.WithRegion(c.region()),
		clouds.WithEndpointType(c.Getenv("OS_INTERFACE")),
		clouds.WithCACertPath(c.caFile()),
		clouds.WithClientCertPath(c.Getenv("OS_CERT")),
		clouds.WithClientKeyPath(c.Getenv("OS_KEY")),
	)
	if insecure != nil {
		options = append(options, clouds.WithInsecure(*insecure))
	}
	auth, found, config, err := clouds.Parse(options...)
	if err != nil {
		return nil, file.parseError(c.OSCloud, err)
	}
	l := &login{region: found.Region, availability: found.Availability, tls: config}
	return l, c.finish(l, cloudsYAML(c.OSCloud), auth, entry.ImageEndpointOverride)
}

// finish adds to a login what every login at Keystone has: the issuer, and an
// endpoint if one is set.
func (c Config) finish(l *login, from place, auth gophercloud.AuthOptions, override string) error {
	k, err := newKeystone(from, auth, l.tls, c.UserAgent)
	if err != nil {
		return err
	}
	warnPlain(c.Logger, "Keystone", k.url)
	l.issuer, l.method = k, k.method()
	switch {
	case c.Endpoint != "":
		l.endpoint, err = parseBase("--endpoint", c.Endpoint)
	case override != "":
		l.endpoint, err = parseBase("image_endpoint_override", override)
	}
	return err
}

func (c Config) region() string {
	if c.Region != "" {
		return c.Region
	}
	return c.Getenv("OS_REGION_NAME")
}
