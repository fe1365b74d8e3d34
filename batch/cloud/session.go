package cloud

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"imsrevoke/batch"
)

// refused is an error that is [batch.ErrUnauthorized] and says in its own words who
// refuses what, and what to do.
func refused(format string, args ...any) error {
	return &refusedError{fmt.Sprintf(format, args...)}
}

type refusedError struct{ text string }

func (e *refusedError) Error() string        { return e.text }
func (e *refusedError) Is(target error) bool { return target == batch.ErrUnauthorized }

// renewalPause is for how long a failure to renew answers for those who ask
// again: those who waited for it, and those who come right after it.
const renewalPause = time.Second

// An issuer obtains credentials.
type issuer interface {
	// issue obtains one. Its error wraps batch.ErrUnauthorized when asking again cannot
	// help. It is called by one goroutine at a time.
	issue(ctx context.Context) (*grant, error)
}

// An authorizer puts on a request what proves whose it is.
type authorizer interface {
	authorize(req *http.Request)
}

// A bearer authorises requests by a token alone.
type bearer struct{ token Secret }

func (b bearer) authorize(req *http.Request) {
	req.Header["X-Auth-Token"] = []string{string(b.token)}
}

// A grant is what an issuer gives. A ready token comes alone.
type grant struct {
	proof   authorizer
	expires time.Time
	project tokens.Project
	catalog []tokens.CatalogEntry
	roles   []tokens.Role
	// renewAt is when to obtain another one although nobody has refused this
	// one yet; zero: not before it is refused.
	renewAt time.Time
}

// A credential is one grant of a session. Generations count from 1.
type credential struct {
	proof      authorizer
	renewAt    time.Time
	expires    time.Time // zero: not known
	generation uint64
	accepted   atomic.Bool
	// doubted says that it was refused since it was last accepted, for something
	// that it may do.
	doubted atomic.Bool
}

// isGood reports whether nothing but a missing right explains that a token is
// refused: it was accepted last, and has not expired. Of an access key that is
// not said: each wrong signature more could lock it.
func (c *credential) isGood() bool {
	_, token := c.proof.(bearer)
	return token && c.accepted.Load() && !c.doubted.Load() && (c.expires.IsZero() || time.Now().Before(c.expires))
}

// due reports whether c should be renewed ahead of its end.
func (c *credential) due() bool { return !c.renewAt.IsZero() && !time.Now().Before(c.renewAt) }

// kinds is a set of kinds of requests. Its methods may be called by several
// goroutines at once.
type kinds struct {
	mu  sync.RWMutex
	set map[string]bool
}

func (k *kinds) has(kind string) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.set[kind]
}

func (k *kinds) add(kind string) {
	if k.has(kind) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.set == nil {
		k.set = make(map[string]bool)
	}
	k.set[kind] = true
}

// A Session is a login at a cloud. Its methods may be called by several
// goroutines at once.
type Session struct {
	endpoint    *url.URL
	setting     string // that has the endpoint
	region      string
	method      string
	cloud       string
	access      string
	projectID   string
	projectName string
	roles       []tokens.Role
	tls         *tls.Config
	log         *slog.Logger

	current atomic.Pointer[credential]
	// proved says that some credential of this session was accepted.
	proved atomic.Bool
	// allowed are the kinds of requests for which one was, forbidden those that
	// turned out to be beyond its rights.
	allowed, forbidden kinds

	// renewing holds one element while a credential is being renewed, and
	// guards what follows. It is a channel because waiting for it has to end
	// with a context.
	renewing chan struct{}
	issuer   issuer
	failure  error // the last one, nil when there was none
	failedAt time.Time
}

// Endpoint returns the address of the Image API up to, and without, the
// version: paths that start with /v2 are to be joined to it.
func (s *Session) Endpoint() *url.URL {
	u := *s.endpoint
	return &u
}

// Method says for people which credentials are used: "password from OS_*
// variables", "token from OS_TOKEN", "access key from HW_* variables".
func (s *Session) Method() string { return s.method }

// Project returns the project that the credential is for. Both are empty when
// it is not known: of a ready token it is what OS_PROJECT_ID says.
func (s *Session) Project() (id, name string) { return s.projectID, s.projectName }

// Huawei reports whether the Image API is that of Huawei Cloud or of a site that
// is built like it: the credential is one of its access keys, or the endpoint is
// called ims, as it is there in every region.
func (s *Session) Huawei() bool {
	_, signs := s.issuer.(*accessKeys)
	return signs || strings.HasPrefix(s.endpoint.Hostname(), "ims.")
}

// HasRole reports whether Keystone has said that the credential has the role. Of a
// ready token and of an access key nothing is known.
func (s *Session) HasRole(name string) bool {
	return slices.ContainsFunc(s.roles, func(r tokens.Role) bool { return r.Name == name })
}

// Cloud returns the name of the cloud of clouds.yaml, empty when the
// credentials are not from there.
func (s *Session) Cloud() string { return s.cloud }

// Interface returns the interface of the catalog that the endpoint is, empty
// when the endpoint is not from the catalog.
func (s *Session) Interface() string { return s.access }

// Region returns the region of the endpoint, empty when nobody has named one.
func (s *Session) Region() string { return s.region }

// Transport returns a new transport for requests to the Image API. It keeps up
// to workers connections open between requests; whoever asked for it closes
// them. How long a request may take is left to the context of the request.
func (s *Session) Transport(workers int) *Transport {
	transport := newTransport(s.tls)
	transport.MaxIdleConnsPerHost = workers
	return newSpread(transport, s.setting)
}

// Authorize puts the current credential on a request and returns the
// generation of the credential, for [Session.Renew] and [Session.Accepted]. It
// refuses a request that does not go to the scheme, host and port of the
// endpoint.
//
// A credential that has a known end is renewed before it, by the first request
// that comes when it is time, with the context of that request. The others go
// on with the old one meanwhile, and so do all when that fails.
func (s *Session) Authorize(req *http.Request) (generation uint64, err error) {
	if req.URL.Scheme != s.endpoint.Scheme || req.URL.Host != s.endpoint.Host {
		return 0, fmt.Errorf("refuse to send credentials to %s://%s: they are for %s only", req.URL.Scheme, req.URL.Host, s.endpoint)
	}
	c := s.current.Load()
	if c.due() {
		c = s.renewAhead(req.Context(), c)
	}
	c.proof.authorize(req)
	return c.generation, nil
}

// renewAhead renews c if nobody else does, and returns what is current then.
func (s *Session) renewAhead(ctx context.Context, c *credential) *credential {
	select {
	case s.renewing <- struct{}{}:
		defer func() { <-s.renewing }()
	default:
		return c
	}
	c = s.current.Load()
	if !c.due() || s.rested() != nil {
		return c
	}
	g, err := s.obtain(ctx)
	if err != nil {
		s.log.Warn("the credential expires soon and cannot be renewed yet", "method", s.method, "error", err)
		return c
	}
	return s.replace(c, g)
}

// Accepted tells that the answer to a request of this kind, whatever the caller
// takes for a kind, has proved the credential of this generation good: any answer
// of the Image API itself but a 401.
func (s *Session) Accepted(generation uint64, kind string) {
	set(&s.proved, true)
	s.allowed.add(kind)
	if c := s.current.Load(); c.generation == generation {
		set(&c.accepted, true)
		set(&c.doubted, false)
	}
}

// set sets b, and leaves it in the caches of all processors if it is set so
// already.
func set(b *atomic.Bool, to bool) {
	if b.Load() != to {
		b.Store(to)
	}
}

// Renew replaces the credential of this generation after a request of this
// kind was refused with a 401. It returns nil when there is a newer credential to try: at once, if the
// credential is newer already. Otherwise the first caller obtains a new one
// with its own context, and the others wait for the end of that.
//
// The error wraps [batch.ErrNotAllowed] when the same token was accepted last, for
// another kind, and no token of this session ever was for this one: that is an
// application credential with access rules.
//
// It wraps [batch.ErrUnauthorized] when the credential cannot be renewed, when the
// issuer refuses to, or when one that had just been renewed was refused and none
// before it was ever accepted. Any other error is temporary: Keystone cannot be
// reached, or it can and a credential that it issued just now is refused all the
// same, as Glance does when it cannot reach Keystone itself. Renew may be called
// again later. For a second after such an error it is the answer to everybody.
func (s *Session) Renew(ctx context.Context, generation uint64, kind string) error {
	c := s.current.Load()
	switch {
	case c.generation > generation:
		return nil
	case c.isGood() && !s.allowed.has(kind):
		s.forbidden.add(kind)
		return batch.ErrNotAllowed
	}
	set(&c.doubted, true)
	select {
	case s.renewing <- struct{}{}:
		defer func() { <-s.renewing }()
	case <-ctx.Done():
		return fmt.Errorf("wait for a new credential: %w", context.Cause(ctx))
	}

	current := s.current.Load()
	if current.generation > generation {
		return nil
	}
	if err := s.rested(); err != nil {
		return err
	}
	unproved := current.generation > 1 && !current.accepted.Load()
	if unproved && s.forbidden.has(kind) {
		return batch.ErrNotAllowed // which says nothing of the credential
	}
	if unproved && !s.proved.Load() {
		return refused("the Image API at %s refuses a credential that was just issued (%s); "+
			"check that endpoint, region and project belong together", s.endpoint, s.method)
	}
	g, err := s.obtain(ctx)
	if err != nil {
		return err
	}
	if g.proof == current.proof {
		s.failure = refused("the %s is refused, and no other is available; check that it may be used at %s", s.method, s.endpoint)
		return s.failure
	}
	s.replace(current, g)
	if unproved {
		s.failure, s.failedAt = fmt.Errorf("the Image API at %s refuses a credential that was just issued (%s), "+
			"although it accepted earlier ones: it may be unable to reach Keystone", s.endpoint, s.method), time.Now()
		return s.failure
	}
	return nil
}

// rested returns the failure that answers for another attempt to renew, nil
// when one may be made. The caller holds s.renewing.
func (s *Session) rested() error {
	switch {
	case errors.Is(s.failure, batch.ErrUnauthorized):
		// Every further wrong password could lock the account.
		return s.failure
	case s.failure != nil && time.Since(s.failedAt) < renewalPause:
		return s.failure
	}
	return nil
}

// obtain has a credential issued. The caller holds s.renewing.
func (s *Session) obtain(ctx context.Context) (*grant, error) {
	g, err := s.issuer.issue(ctx)
	if err != nil {
		err = fmt.Errorf("cannot renew the credential: %w", err)
		if ctx.Err() == nil { // else it is the caller's end alone
			s.failure, s.failedAt = err, time.Now()
		}
		return nil, err
	}
	return g, nil
}

// replace puts what was issued in the place of the current credential, and
// returns it. An issuer that has nothing newer yet gives the same one again.
// The caller holds s.renewing.
func (s *Session) replace(current *credential, g *grant) *credential {
	c := &credential{proof: g.proof, renewAt: g.renewAt, expires: g.expires, generation: current.generation}
	if g.proof == current.proof {
		c.accepted.Store(current.accepted.Load())
	} else {
		c.generation++
		s.log.Info("credential renewed", "method", s.method, "generation", c.generation, "expires_at", g.expires)
	}
	s.current.Store(c)
	return c
}
