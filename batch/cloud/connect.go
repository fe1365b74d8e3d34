package cloud

import (
	"context"
	"fmt"
	"log/slog"
	"os"
)

// The values of [Config.Auth].
const (
	AuthAuto     = "auto"     // whichever credentials are found first
	AuthToken    = "token"    // a ready token
	AuthKeystone = "keystone" // clouds.yaml or the OS_ variables
	AuthAKSK     = "aksk"     // an access key of Huawei Cloud
)

// A Config says where credentials are, and what of the cloud is already known.
// The zero Config takes everything from the environment. It holds no secrets.
type Config struct {
	// Endpoint is the address of the Image API, with or without a version. It
	// wins over the catalog, and a ready token cannot do without it.
	Endpoint string
	// Auth is one of the constants above; empty means AuthAuto.
	Auth string
	// OSCloud names a cloud of clouds.yaml; empty means OS_CLOUD.
	OSCloud string
	// Region chooses among the endpoints of the catalog; empty means
	// OS_REGION_NAME, then clouds.yaml, then the only one there is. With an
	// access key, where HW_REGION_NAME goes before OS_REGION_NAME, it gives the
	// addresses of the APIs and the name of the project.
	Region string
	// CACert is a PEM file of the authorities to trust instead of the
	// system's; empty means OS_CACERT, then clouds.yaml.
	CACert string
	// TokenFile holds a ready token; empty means $CREDENTIALS_DIRECTORY/token,
	// then OS_TOKEN, then OS_AUTH_TOKEN.
	TokenFile string
	// Metadata is the address of the metadata service that has access keys for
	// a cloud server; empty means http://169.254.169.254.
	Metadata string
	// Terminal says that a person sees the warnings. Without one, a clouds.yaml of
	// another user in the current directory is refused.
	Terminal bool
	// UserAgent goes before gophercloud's own in requests to Keystone.
	UserAgent string
	// Getenv reads the environment; nil means os.Getenv. The proxies that it
	// names are checked, but those of the environment of the process are used.
	Getenv func(string) string
	// Logger takes warnings about unsafe settings, and word of renewals; nil
	// means slog.Default.
	Logger *slog.Logger
}

// Connect finds credentials, obtains a token where it takes one, and finds the
// endpoint.
//
// With AuthAuto it takes the first of: Config.TokenFile; Config.OSCloud; a
// ready token of the service manager or the environment; the cloud named by
// OS_CLOUD; the OS_ variables, if OS_AUTH_URL is among them; an access key of
// Huawei Cloud in HUAWEICLOUD_SDK_AK and _SK, in HW_ACCESS_KEY and
// HW_SECRET_KEY, or in the profile of its SDKs; if a region of Huawei Cloud is
// known, or an endpoint and the project, the access key that the metadata service
// has for this server.
//
// A setting that says who we are or where we go is obeyed or refused: the table
// of them is in SETTINGS.md.
//
// The error wraps [batch.ErrUnauthorized] when Keystone, or IAM, refuses the credentials.
// Any other error is a fault of the configuration, or nobody could be reached.
func Connect(ctx context.Context, c Config) (*Session, error) {
	if c.Getenv == nil {
		c.Getenv = os.Getenv
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if err := c.checkProxies(); err != nil {
		return nil, err
	}
	l, err := c.findLogin()
	if err != nil {
		return nil, err
	}
	if l.tls.InsecureSkipVerify {
		c.Logger.Warn("certificates are not verified; set OS_CACERT instead of OS_INSECURE or verify: false", "method", l.method)
	}
	g, err := l.issuer.issue(ctx)
	if err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	if err := l.settleProject(g); err != nil {
		return nil, err
	}
	endpoint, region, err := l.locate(g)
	if err != nil {
		return nil, fmt.Errorf("cannot find the Image API: %w", err)
	}
	warnPlain(c.Logger, "Image API", endpoint)
	s := &Session{
		endpoint:    endpoint,
		setting:     l.setting,
		region:      region,
		method:      l.method,
		cloud:       l.cloud,
		access:      l.access(),
		projectID:   g.project.ID,
		projectName: g.project.Name,
		roles:       g.roles,
		tls:         l.tls,
		log:         c.Logger,
		renewing:    make(chan struct{}, 1),
		issuer:      l.issuer,
	}
	s.current.Store(&credential{proof: g.proof, renewAt: g.renewAt, expires: g.expires, generation: 1})
	return s, nil
}
