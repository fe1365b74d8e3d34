package cloud

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"
)

// A Transport sends requests over connections that it keeps open, but gives one
// of them up now and then.
//
// A server of several processes that accept for themselves, as glance-api is,
// can happen to have all connections of a client in one process, and the others
// idle: as long as the connections stay open, so does it. The process that is
// idle is the first to accept the next one, and a few are enough to keep it at
// work. So connections are given up at some rate in the beginning, when many
// are opened at once, and ever more seldom later. Where requests do not overlap
// there is nothing to spread.
type Transport struct {
	*http.Transport
	route    *route
	began    time.Time
	gaveUp   atomic.Int64 // when a connection was given up last, since began
	inFlight atomic.Int64
}

// A connection lasts for about twice the age of its transport, but neither
// shorter nor longer than this. In an hour that makes some 30 new connections
// in the place of each.
const (
	shortestLife = 200 * time.Millisecond
	longestLife  = 2 * time.Minute
)

func newSpread(transport *http.Transport, setting string) *Transport {
	route := &route{setting: setting, proxy: transport.Proxy}
	transport.Proxy = once(transport.Proxy)
	return &Transport{Transport: transport, route: route, began: time.Now()}
}

// Peer names who a request is sent to at first: the host of its URL, or the
// proxy before it.
func (t *Transport) Peer(req *http.Request) string { return t.route.peer(req) }

// RoundTrip sends one request, once. It may be called by several goroutines at
// once. Its error is a [SetupError] where no request can get through.
//
// Until it has a connection the request counts as not sent, for those who follow
// it with a trace of net/http/httptrace: GetConn is called at the very
// beginning, where net/http may give up without calling it.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	inFlight := t.inFlight.Add(1)
	defer t.inFlight.Add(-1)
	if req.Method == http.MethodGet {
		req = req.WithContext(&attempt{Context: req.Context()})
	}
	if inFlight > 1 && t.due(inFlight) {
		last := req.WithContext(req.Context()) // the caller's is not to be changed
		last.Close = true
		req = last
	}
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil && trace.GetConn != nil {
		trace.GetConn(req.URL.Host)
	}
	return t.route.roundTrip(t.Transport, req)
}

// An attempt is the context of a request that net/http would send again by
// itself: a GET, when the server has closed a connection that was kept open. (A
// DELETE or a POST it sends again only when nothing of it was written.)
type attempt struct {
	context.Context
	begun bool
}

type attemptKey struct{}

func (a *attempt) Value(key any) any {
	if key == (attemptKey{}) {
		return a
	}
	return a.Context.Value(key)
}

// errClosed is what kept a GET from being answered, as meant for other requests.
var errClosed = fmt.Errorf("the server closed the connection: %w", io.EOF)

// once ends an attempt that net/http begins for the second time: it asks for the
// proxy first, each time.
func once(proxy func(*http.Request) (*url.URL, error)) func(*http.Request) (*url.URL, error) {
	return func(req *http.Request) (*url.URL, error) {
		if a, ok := req.Context().Value(attemptKey{}).(*attempt); ok {
			if a.begun {
				return nil, errClosed
			}
			a.begun = true
		}
		return proxy(req)
	}
}

// due reports whether one of so many connections is to be given up now.
func (t *Transport) due(connections int64) bool {
	age, last := time.Since(t.began), t.gaveUp.Load()
	life := min(max(2*age, shortestLife), longestLife)
	return int64(age)-last >= int64(life)/connections && t.gaveUp.CompareAndSwap(last, int64(age))
}
