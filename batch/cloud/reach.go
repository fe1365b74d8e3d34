package cloud

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// A SetupError says that the way to a server is set up wrongly: no request can
// get through, however often it is made. It says in one sentence what is wrong
// and what to change.
type SetupError struct {
	text string
	err  error
}

func (e *SetupError) Error() string { return e.text }

// Unwrap returns the error of the network, if there is one.
func (e *SetupError) Unwrap() error { return e.err }

// Misconfigured tells the kind of error to those who do not know this package.
func (e *SetupError) Misconfigured() bool { return true }

// A route is how a transport gets to its server, in the words of its user.
type route struct {
	// setting has the address of the server: --endpoint, OS_AUTH_URL.
	setting string
	proxy   func(*http.Request) (*url.URL, error)
	// answered says that the server has answered a request: the way to it is
	// good.
	answered atomic.Bool
}

// proxyOf is the proxy that a request goes through, nil when it goes directly.
func (r *route) proxyOf(req *http.Request) *url.URL {
	if r.proxy == nil {
		return nil
	}
	u, err := r.proxy(req)
	if err != nil {
		return nil
	}
	return u
}

// peer names who a request is sent to at first: the server, or the proxy.
func (r *route) peer(req *http.Request) string {
	if proxy := r.proxyOf(req); proxy != nil {
		return "the proxy " + proxyName(proxy)
	}
	return req.URL.Host
}

// proxyName is the address of a proxy, without user and password.
func proxyName(u *url.URL) string { return u.Scheme + "://" + u.Host }

// variable is the variable that a proxy is from.
func variable(req *http.Request) string { return strings.ToUpper(req.URL.Scheme) + "_PROXY" }

// A connectRefusal is the answer of a proxy that makes no connection.
type connectRefusal struct{ code int }

func (e *connectRefusal) Error() string { return "it answered " + statusOf(e.code) }

// refusedConnect keeps what a proxy answered to a CONNECT, of which net/http
// would only tell the text.
func refusedConnect(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &connectRefusal{resp.StatusCode}
}

// explain returns a [SetupError] for an error that can only be a mistake in the
// set-up, and any other error as it is.
func (r *route) explain(req *http.Request, err error) error {
	var (
		refusal     *connectRefusal
		certificate *tls.CertificateVerificationError
		noTLS       tls.RecordHeaderError
		lookup      *net.DNSError
		op          *net.OpError
		host        = req.URL.Host
		proxy       = r.proxyOf(req)
		where       = r.setting
		text        string
	)
	viaProxy := errors.As(err, &op) && op.Op == "proxyconnect" && proxy != nil
	if viaProxy {
		host, where = "the proxy "+proxyName(proxy), variable(req)
	}
	switch {
	case errors.As(err, &refusal) && refusal.code < 500 && proxy != nil:
		text = refusedByProxy(req, proxy, refusal.code)
	case errors.As(err, &certificate):
		text = aboutCertificate(host, where, certificate)
	case errors.As(err, &noTLS) && string(noTLS.RecordHeader[:]) == "HTTP/", errors.Is(err, http.ErrSchemeMismatch):
		text = fmt.Sprintf("%s does not speak TLS; write http:// instead of https:// in %s", host, where)
	case errors.As(err, &noTLS):
		text = fmt.Sprintf("%s does not speak TLS; check the port in %s, or write http:// there", host, where)
	case errors.As(err, &lookup) && lookup.IsNotFound:
		text = fmt.Sprintf("the host %s does not exist; correct %s", lookup.Name, where)
	case viaProxy:
		text = fmt.Sprintf("cannot connect to %s: %s; correct %s, or unset it", host, reason(op), where)
	case errors.As(err, &op) && op.Op == "remote error" && isHandshakeAlert(op.Err.Error()):
		text = fmt.Sprintf("%s ended the TLS handshake: %s; if it asks for a client certificate, set OS_CERT and OS_KEY",
			host, strings.TrimPrefix(op.Err.Error(), "tls: "))
	case proxy == nil && req.URL.Scheme == "http" && !r.answered.Load() && (strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`) ||
		errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)) && takesTLS(req):
		text = speaksTLS(host, where)
	default:
		return err
	}
	return &SetupError{text, err}
}

// reason is why an operation of the network failed.
func reason(err error) string {
	var dial *net.OpError
	for errors.As(err, &dial) {
		err = dial.Err
	}
	text := err.Error()
	if call, rest, ok := strings.Cut(text, ": "); ok && !strings.Contains(call, " ") {
		return rest // without the name of the system call
	}
	return text
}

func refusedByProxy(req *http.Request, proxy *url.URL, status int) string {
	if status == http.StatusProxyAuthRequired {
		what := "wants a user and a password"
		if proxy.User != nil {
			what = "does not accept the user and password"
		}
		return fmt.Sprintf("the proxy %s %s; write http://USER:PASSWORD@HOST:PORT into %s", proxyName(proxy), what, variable(req))
	}
	return fmt.Sprintf("the proxy %s refuses to connect to %s (%s); allow it there, or add the host to NO_PROXY",
		proxyName(proxy), req.URL.Host, statusOf(status))
}

// takesTLS reports whether the port of a request over plain HTTP, which was
// closed without an answer, takes TLS instead. No request is sent for that.
func takesTLS(req *http.Request) bool {
	ctx, cancel := context.WithTimeout(req.Context(), 3*time.Second)
	defer cancel()
	address := req.URL.Host
	if req.URL.Port() == "" {
		address = net.JoinHostPort(req.URL.Hostname(), "80")
	}
	dialer := tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}} // nothing is said on it
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func speaksTLS(host, where string) string {
	return fmt.Sprintf("%s speaks TLS; write https:// instead of http:// in %s", host, where)
}

// isHandshakeAlert reports whether a server said that it wants no connection
// such as ours, which some say only after the first request.
func isHandshakeAlert(text string) bool {
	for _, alert := range []string{"certificate", "handshake failure", "protocol version", "unrecognized name", "unknown certificate authority"} {
		if strings.Contains(text, alert) {
			return true
		}
	}
	return false
}

func aboutCertificate(host, where string, err *tls.CertificateVerificationError) string {
	var (
		unknown x509.UnknownAuthorityError
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
	)
	switch {
	case errors.As(err, &unknown):
		return fmt.Sprintf("the certificate of %s is not trusted, because its CA is not known; name the file of the CA with --cacert or OS_CACERT", host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		now := time.Now()
		if now.Before(invalid.Cert.NotBefore) {
			return fmt.Sprintf("the certificate of %s is valid from %s only; check the clock of this machine",
				host, invalid.Cert.NotBefore.UTC().Format(time.DateTime))
		}
		return fmt.Sprintf("the certificate of %s expired on %s; renew it, or check the clock of this machine",
			host, invalid.Cert.NotAfter.UTC().Format(time.DateOnly))
	case errors.As(err, &name):
		names := append([]string(nil), name.Certificate.DNSNames...)
		for _, ip := range name.Certificate.IPAddresses {
			names = append(names, ip.String())
		}
		if len(names) > 3 {
			names = append(names[:3], "…")
		}
		if len(names) == 0 {
			names = []string{"no host"}
		}
		return fmt.Sprintf("the certificate of %s is for %s; use a name of the certificate in %s", host, strings.Join(names, ", "), where)
	}
	return fmt.Sprintf("the certificate of %s is not trusted: %s; correct it, or name the file of its CA with --cacert or OS_CACERT",
		host, strings.TrimPrefix(err.Err.Error(), "x509: "))
}

// check returns a [SetupError] for an answer that is not of the server, but of
// the proxy before it, or of a port that speaks TLS.
func (r *route) check(req *http.Request, resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusProxyAuthRequired:
		if proxy := r.proxyOf(req); proxy != nil {
			return &SetupError{text: refusedByProxy(req, proxy, resp.StatusCode)}
		}
	case http.StatusBadRequest:
		if req.URL.Scheme == "http" && !r.answered.Load() && wantsTLS(resp) {
			return &SetupError{text: speaksTLS(req.URL.Host, r.setting)}
		}
	}
	return nil
}

// wantsTLS reports whether an answer says that the request should have come over
// TLS, in the words of Go, nginx or Apache. It leaves the body to be read.
func wantsTLS(resp *http.Response) bool {
	const enough = 1 << 10
	text, _ := io.ReadAll(io.LimitReader(resp.Body, enough))
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(text), resp.Body), resp.Body}
	for _, words := range []string{"HTTP request to an HTTPS server", "plain HTTP request was sent to HTTPS port", "speaking plain HTTP to an SSL-enabled server port"} {
		if bytes.Contains(text, []byte(words)) {
			return true
		}
	}
	return false
}

// roundTrip sends a request, and explains what kept it from its server.
func (r *route) roundTrip(next http.RoundTripper, req *http.Request) (*http.Response, error) {
	resp, err := next.RoundTrip(req)
	if err != nil {
		return nil, r.explain(req, err)
	}
	if err := r.check(req, resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	if !r.answered.Load() {
		r.answered.Store(true)
	}
	return resp, nil
}
