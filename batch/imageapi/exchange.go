package imageapi

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"imsrevoke/batch"
)

// An exchange is one request and what came of it.
type exchange struct {
	req        *http.Request
	kind       string // the access rule that allows it
	first      bool   // of the client
	credential uint64
	resp       *http.Response // nil when no answer came
	// errorText is the text of the body of an answer that is no success.
	errorText errorText
	answer    batch.Answer
}

// failed reports whether no answer came; e.answer is all that there is then.
func (e *exchange) failed() bool { return e.resp == nil }

// exchange sends a request and reads the answer, but not the body of a success.
func (c *Client) exchange(ctx context.Context, r http.Request, kind string) exchange {
	trace := connectionTraces.Get().(*connectionTrace)
	defer connectionTraces.Put(trace)
	req := r.WithContext(httptrace.WithClientTrace(ctx, &trace.ClientTrace))
	e := exchange{req: req, kind: kind, first: !c.began.Load() && !c.began.Swap(true)}
	var err error
	if e.credential, err = c.config.Credentials.Authorize(req); err != nil {
		e.answer = notSent(err)
		return e
	}
	if ctx.Err() != nil {
		// The time went by while a credential was renewed.
		e.answer.Meaning, e.answer.Message = batch.Unreachable, "nothing was sent: no credential was available within the time of one attempt"
		return e
	}
	trace.waiting = false // a login may have used it
	resp, err := c.config.Transport.RoundTrip(req)
	e.answer.RequestID = requestIDOf(req, resp)
	if err != nil {
		e.answer.Meaning, e.answer.Message = c.meaningOfError(req, trace.waiting, err)
		e.answer.Message = secretsOf(req).message(e.answer.Message) // net/http quotes the server
		return e
	}
	e.resp = resp
	e.answer.Status = resp.StatusCode
	if resp.Header["Retry-After"] != nil {
		e.answer.RetryAfter = retryAfter(resp.Header, time.Now())
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// The end of the context no longer ends the reading of what follows,
		// which is no body.
		resp.Body.Close()
		resp.Body = http.NoBody
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNoContent {
		// What a cut body lacks is only words; the status has been said.
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
		e.errorText = parseError(body, secretsOf(req))
	}
	return e
}

// close gives the connection back if what is left of the body is short.
func (e *exchange) close() {
	if e.resp != nil && e.resp.Body != http.NoBody {
		io.CopyN(io.Discard, e.resp.Body, maxErrorBody)
		e.resp.Body.Close()
	}
}

// A connectionTrace knows whether a request has a connection. Without one
// nothing of it can have been sent. It is used by one request at a time.
type connectionTrace struct {
	httptrace.ClientTrace
	// waiting says that the transport looks for a connection. One that does not
	// trace never says so, and its requests count as sent.
	waiting bool
}

// connectionTraces are traces that no request uses. Net/http calls these hooks
// in the goroutine of RoundTrip and before it returns.
var connectionTraces = sync.Pool{New: func() any {
	t := new(connectionTrace)
	t.GetConn = func(string) { t.waiting = true }
	t.GotConn = func(httptrace.GotConnInfo) { t.waiting = false }
	return t
}}

// meaningOfError says what it means that no answer came. A request that was
// still waiting for a connection was not sent; what cannot be told for certain
// counts as sent.
func (c *Client) meaningOfError(req *http.Request, waiting bool, err error) (batch.Meaning, string) {
	var (
		setup  interface{ Misconfigured() bool }
		lookup *net.DNSError
		op     *net.OpError
	)
	late := req.Context().Err() != nil
	errors.As(err, &op)
	switch {
	case errors.As(err, &setup) && setup.Misconfigured():
		return batch.Misconfigured, err.Error()
	case waiting && late:
		return batch.Unreachable, "nothing was sent: no connection to " + c.peer(req) + " within the time of one attempt"
	case waiting && errors.As(err, &lookup):
		return batch.Unreachable, "nothing was sent: cannot look up " + lookup.Name + ": " + lookup.Err
	case waiting && (errors.Is(err, os.ErrDeadlineExceeded) || op != nil && op.Timeout()):
		return batch.Unreachable, "nothing was sent: no connection to " + c.peer(req) + " in time"
	case waiting && strings.Contains(err.Error(), "TLS handshake timeout"):
		return batch.Unreachable, "nothing was sent: no TLS handshake with " + c.peer(req) + " in time"
	case waiting && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		return batch.Unreachable, "nothing was sent: " + c.peer(req) + " closed the connection"
	case waiting && op != nil:
		return batch.Unreachable, "nothing was sent: cannot connect to " + c.peer(req) + ": " + causeOf(op)
	case waiting:
		return batch.Unreachable, "nothing was sent: cannot connect to " + c.peer(req) + ": " + err.Error()
	case late:
		return batch.Unanswered, "no answer within the time of one attempt"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return batch.Unanswered, "the connection was closed before an answer came"
	case op != nil:
		// Without the addresses and ports, which differ each time.
		return batch.Unanswered, "no answer came: " + op.Op + ": " + causeOf(op)
	}
	return batch.Unanswered, "no answer came: " + err.Error()
}

// peer names who a request is sent to at first, which may be a proxy.
func (c *Client) peer(req *http.Request) string {
	if t, ok := c.config.Transport.(interface{ Peer(*http.Request) string }); ok {
		return t.Peer(req)
	}
	return req.URL.Host
}

// causeOf is why a network operation failed, without the name of the system
// call, which says again what the operation was.
func causeOf(op *net.OpError) string {
	var errno syscall.Errno
	if errors.As(op.Err, &errno) {
		return errno.Error()
	}
	return op.Err.Error()
}

// longestRetryAfter keeps the arithmetic from overflowing. How much of it is
// believed is not decided here.
const longestRetryAfter = 365 * 24 * time.Hour

// retryAfter reads how long a server asks to be left alone: a number of
// seconds, or a date (RFC 9110, section 10.2.3). A date is measured against
// the server's own clock when it tells that. It is 0 when there is no time to
// wait or it makes no sense.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(longestRetryAfter/time.Second))) * time.Second
	}
	until, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), longestRetryAfter)
}
