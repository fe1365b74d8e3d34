package imageapi

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	"imsrevoke/batch"
)

// An exchange is one request and what came of it.
type exchange struct {
	req        *http.Request
	credential uint64
	resp       *http.Response // nil when no answer came
	// errorText is the text of the body of an answer that is no success.
	errorText errorText
	answer    batch.Answer
}

// failed reports whether no answer came; e.answer is all that there is then.
func (e *exchange) failed() bool { return e.resp == nil }

// exchange sends req and reads the answer, but not the body of a success.
func (c *Client) exchange(req *http.Request) exchange {
	e := exchange{req: req}
	var err error
	if e.credential, err = c.config.Credentials.Authorize(req); err != nil {
		e.answer = notSent(err)
		return e
	}
	resp, err := c.config.Transport.RoundTrip(req)
	e.answer.RequestID = requestIDOf(req, resp)
	if err != nil {
		e.answer.Meaning, e.answer.Message = meaningOfError(req.Context(), err)
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

// meaningOfError says what it means that no answer came. What cannot be told
// for certain counts as sent.
func meaningOfError(ctx context.Context, err error) (batch.Meaning, string) {
	var (
		certificate *tls.CertificateVerificationError
		lookup      *net.DNSError
		op          *net.OpError
	)
	switch {
	case errors.As(err, &certificate):
		// It will not get better by trying again.
		return batch.Refused, "nothing was sent: " + clean(certificate.Error())
	case errors.As(err, &lookup):
		return batch.Unreachable, clean("cannot look up " + lookup.Name + ": " + lookup.Err)
	case errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect"):
		return batch.Unreachable, clean("cannot connect: " + causeOf(op))
	case strings.Contains(err.Error(), "TLS handshake timeout"):
		return batch.Unreachable, "cannot connect: no TLS handshake in time"
	case ctx.Err() != nil:
		return batch.Unanswered, "no answer within the time of one attempt"
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return batch.Unanswered, "the connection was closed before an answer came"
	case op != nil:
		// Without the addresses and ports, which differ each time.
		return batch.Unanswered, clean("no answer came: " + op.Op + ": " + causeOf(op))
	}
	return batch.Unanswered, clean("no answer came: " + err.Error())
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
