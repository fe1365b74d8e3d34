package cloud

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
)

const (
	// keystoneTimeout is how long Keystone may take to issue a token.
	keystoneTimeout = 30 * time.Second
	// maxKeystoneBody is far more than the largest catalogs.
	maxKeystoneBody = 4 << 20
)

// keystone issues tokens of the Identity API v3.
type keystone struct {
	url    *url.URL
	auth   gophercloud.AuthOptions
	kind   string // "password", for messages
	from   place
	client *gophercloud.ServiceClient
	// open makes another client for Keystone, which reads answers of so many bytes.
	open func(most int64) *gophercloud.ServiceClient
}

// newKeystone makes an issuer out of what was found in a place.
func newKeystone(from place, v values, config *tls.Config, userAgent string) (*keystone, error) {
	auth, kind, err := from.authOptions(v)
	if err != nil {
		return nil, err
	}
	base, err := parseBase(from.quote("auth_url"), auth.IdentityEndpoint)
	if err != nil {
		return nil, err
	}
	open := func(most int64) *gophercloud.ServiceClient {
		transport := newTransport(config)
		transport.DisableKeepAlives = true // there are hours between two tokens
		route := &route{setting: from.quote("auth_url"), proxy: transport.Proxy}
		provider := &gophercloud.ProviderClient{HTTPClient: newClient(limitedBodies{transport, route, most}, keystoneTimeout)}
		if userAgent != "" {
			provider.UserAgent.Prepend(userAgent)
		}
		// Nothing is asked about versions: some gateways do not answer that.
		return &gophercloud.ServiceClient{ProviderClient: provider, Endpoint: base.String() + "/v3/", Type: "identity"}
	}
	return &keystone{
		url:  base,
		auth: auth,
		kind: kind,
		from: from,

		client: open(maxKeystoneBody),
		open:   open,
	}, nil
}

// method says what is used, for people.
func (k *keystone) method() string { return k.kind + " from " + k.from.name }

// issue logs in. Gophercloud could log in again by itself, but only in the
// middle of a request of its own.
func (k *keystone) issue(ctx context.Context) (*grant, error) {
	auth := k.auth
	result := tokens.Create(ctx, k.client, &auth)
	if result.Err != nil {
		return nil, k.explain(result.Err)
	}
	var token struct {
		ExpiresAt moment                `json:"expires_at"`
		Project   tokens.Project        `json:"project"`
		Catalog   []tokens.CatalogEntry `json:"catalog"`
		Roles     []tokens.Role         `json:"roles"`
	}
	// The error of json is left out: it tells of types of this program.
	if result.ExtractInto(&token) != nil {
		return nil, fmt.Errorf("keystone at %s sent no usable token; check %s", k.url, k.from.quote("auth_url"))
	}
	id := result.Header.Get("X-Subject-Token")
	if err := checkToken(id); err != nil {
		return nil, fmt.Errorf("keystone at %s sent no usable token: its X-Subject-Token %w", k.url, err)
	}
	return &grant{proof: bearer{Secret(id)}, expires: token.ExpiresAt.Time, project: token.Project, catalog: token.Catalog, roles: token.Roles}, nil
}

// A moment is a time as clouds write it: with a time zone, or without one in
// UTC. It is zero when it is written in another way.
type moment struct{ time.Time }

// UnmarshalJSON implements [json.Unmarshaler].
func (m *moment) UnmarshalJSON(text []byte) error {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime} {
		if t, err := time.Parse(layout, strings.Trim(string(text), `"`)); err == nil {
			m.Time = t
			return nil
		}
	}
	m.Time = time.Time{}
	return nil
}

// explain turns an error of gophercloud, which can hold a whole answer, into
// one that is short and free of secrets.
func (k *keystone) explain(err error) error {
	var (
		answer gophercloud.ErrUnexpectedResponseCode
		setup  *SetupError
		failed *url.Error
	)
	switch {
	case errors.As(err, &answer):
	case errors.As(err, &setup):
		return fmt.Errorf("cannot reach Keystone at %s: %w", k.url, setup)
	case errors.As(err, &failed) && failed.Timeout():
		return fmt.Errorf("keystone at %s did not answer in time; check %s, or retry later", k.url, k.from.quote("auth_url"))
	case errors.As(err, &failed):
		return fmt.Errorf("keystone at %s gave no usable answer: %w; check %s, or retry later", k.url, &networkError{failed.Err}, k.from.quote("auth_url"))
	default:
		return fmt.Errorf("keystone at %s gave no usable answer: %w; check %s, or retry later", k.url, &networkError{err}, k.from.quote("auth_url"))
	}
	said := fmt.Sprintf("keystone at %s answered %s to the %s%s", k.url, statusOf(answer.Actual), k.method(),
		words(answer.Body, k.auth.Password, k.auth.ApplicationCredentialSecret, k.auth.TokenID))
	if isRefusal(answer.Actual) {
		return refused("%s; check the credentials, the domains and project that go with them, and %s",
			said, k.from.quote("auth_url"))
	}
	return fmt.Errorf("%s; check %s, or retry later", said, k.from.quote("auth_url"))
}

// isRefusal reports whether asking Keystone again cannot help.
func isRefusal(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	return 400 <= status && status < 500
}

// limitedBodies bounds what gophercloud reads into memory.
type limitedBodies struct {
	next  http.RoundTripper
	route *route
	most  int64
}

func (l limitedBodies) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.route.roundTrip(l.next, req)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, l.most), resp.Body}
	return resp, nil
}
