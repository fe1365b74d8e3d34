package cloud

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestExplain tells a mistake in the set-up, which asking again does not mend,
// from what may pass.
func TestExplain(t *testing.T) {
	t.Parallel()
	proxy := &url.URL{Scheme: "http", Host: "proxy.example.com:3128", User: url.UserPassword("ann", "s3cr3t")}
	untrusted := func(err error) error { return &tls.CertificateVerificationError{Err: err} }
	dial := func(op string, err error) error { return &net.OpError{Op: op, Net: "tcp", Err: err} }
	now := time.Now()
	tests := []struct {
		name  string
		err   error
		proxy *url.URL
		want  string // empty: it may pass
	}{
		{"an unknown CA", untrusted(x509.UnknownAuthorityError{}), nil, "of glance.example.com is not trusted, because its CA is not known; name the file of the CA with --cacert or OS_CACERT"},
		{"a certificate of tomorrow", untrusted(x509.CertificateInvalidError{Cert: &x509.Certificate{NotBefore: now.Add(time.Hour), NotAfter: now.Add(2 * time.Hour)}, Reason: x509.Expired}), nil,
			"only; check the clock of this machine"},
		{"a certificate of yesterday", untrusted(x509.CertificateInvalidError{Cert: &x509.Certificate{NotAfter: now.Add(-time.Hour)}, Reason: x509.Expired}), nil, " expired on "},
		{"another name", untrusted(x509.HostnameError{Certificate: &x509.Certificate{DNSNames: []string{"a.example.com", "b.example.com"}}, Host: "glance.example.com"}), nil,
			"is for a.example.com, b.example.com; use a name of the certificate in --endpoint"},
		{"another fault of a certificate", untrusted(x509.CertificateInvalidError{Cert: &x509.Certificate{}, Reason: x509.NotAuthorizedToSign}), nil, "is not trusted: "},
		{"HTTP where TLS belongs", tls.RecordHeaderError{RecordHeader: [5]byte{'H', 'T', 'T', 'P', '/'}}, nil, "write http:// instead of https:// in --endpoint"},
		{"the same, as net/http says it", http.ErrSchemeMismatch, nil, "write http:// instead of https:// in --endpoint"},
		{"SSH where TLS belongs", tls.RecordHeaderError{RecordHeader: [5]byte{'S', 'S', 'H', '-', '2'}}, nil, "does not speak TLS; check the port in --endpoint, or write http:// there"},
		{"no such host", dial("dial", &net.DNSError{Name: "glance.example.com", IsNotFound: true}), nil, "the host glance.example.com does not exist; correct --endpoint"},
		{"no such proxy", dial("proxyconnect", dial("dial", &net.DNSError{Name: "proxy.example.com", IsNotFound: true})), proxy, "the host proxy.example.com does not exist; correct HTTPS_PROXY"},
		{"a proxy that is not there", dial("proxyconnect", dial("dial", syscall.ECONNREFUSED)), proxy, "cannot connect to the proxy http://proxy.example.com:3128: connection refused; correct HTTPS_PROXY, or unset it"},
		{"an https proxy of an unknown CA", dial("proxyconnect", untrusted(x509.UnknownAuthorityError{})), proxy, "the certificate of the proxy http://proxy.example.com:3128 is not trusted"},
		{"a proxy that refuses the password", &connectRefusal{407}, proxy, "does not accept the user and password"},
		{"a proxy that refuses the host", &connectRefusal{403}, proxy, "refuses to connect to glance.example.com (403 Forbidden)"},
		{"a server that wants a certificate", dial("remote error", errors.New("tls: certificate required")), nil, "set OS_CERT and OS_KEY"},

		{"a proxy whose server is down", &connectRefusal{502}, proxy, ""},
		{"a resolver in trouble", dial("dial", &net.DNSError{Name: "glance.example.com", IsTemporary: true}), nil, ""},
		{"a server that is not there yet", dial("dial", syscall.ECONNREFUSED), nil, ""},
		{"a connection that was reset", dial("read", syscall.ECONNRESET), nil, ""},
		{"the end", io.EOF, nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &route{setting: "--endpoint", proxy: func(*http.Request) (*url.URL, error) { return tt.proxy, nil }}
			req := &http.Request{URL: &url.URL{Scheme: "https", Host: "glance.example.com"}}
			err := r.explain(req, tt.err)
			var setup *SetupError
			if errors.As(err, &setup) != (tt.want != "") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want a mistake in the set-up: %q", err, tt.want)
			}
			if !errors.Is(err, tt.err) && setup != nil && setup.Unwrap() != tt.err {
				t.Errorf("%v does not wrap its cause", err)
			}
			if peer := r.peer(req); strings.Contains(err.Error()+peer, "s3cr3t") {
				t.Errorf("%v or %s shows the password of the proxy", err, peer)
			}
		})
	}
}

func TestProxyVariables(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		vars env
		want string // empty: they are good
	}{
		{"none", nil, ""},
		{"a URL", env{"HTTPS_PROXY": "http://proxy.example.com:3128/"}, ""},
		{"a host and a port", env{"http_proxy": "proxy.example.com:3128"}, ""},
		{"an address", env{"http_proxy": "10.9.9.9:3128"}, ""},
		{"a password", env{"https_proxy": "http://ann:s3cr3t%25@proxy.example.com:3128"}, ""},
		{"SOCKS", env{"HTTPS_PROXY": "socks5://127.0.0.1:1080"}, ""},
		{"the same in both spellings", env{"HTTP_PROXY": "http://p:1", "http_proxy": "http://p:1"}, ""},
		{"exceptions", env{"NO_PROXY": "10.0.0.0/8,.example.com"}, ""},
		{"all, and both others", env{"ALL_PROXY": "http://p:1", "HTTP_PROXY": "http://p:1", "HTTPS_PROXY": "http://p:1"}, ""},
		{"all, and nothing through it", env{"all_proxy": "http://p:1", "no_proxy": "*"}, ""},

		{"a per cent sign", env{"http_proxy": "http://ann:s3cr3t%ss@10.9.9.9:3128"}, "http_proxy is not the URL of a proxy"},
		{"a blank and a #", env{"HTTPS_PROXY": "http://ann:s3cr3t x#y@127.0.0.1:9"}, "HTTPS_PROXY is not the URL of a proxy"},
		{"a slash in the password", env{"HTTPS_PROXY": "http://ann:1/s3cr3t@127.0.0.1:9"}, "HTTPS_PROXY is not the URL of a proxy"},
		{"a question mark", env{"HTTPS_PROXY": "http://127.0.0.1:9?s3cr3t"}, "HTTPS_PROXY is not the URL of a proxy"},
		{"a port that is none", env{"HTTPS_PROXY": "http://127.0.0.1:s3cr3t"}, "HTTPS_PROXY is not the URL of a proxy"},
		{"a protocol that is not spoken", env{"HTTPS_PROXY": "socks4://127.0.0.1:9"}, "HTTPS_PROXY is not the URL of a proxy"},
		{"two protocols", env{"HTTPS_PROXY": "http://http://127.0.0.1:9"}, "HTTPS_PROXY is not the URL of a proxy"},
		{"no host", env{"HTTPS_PROXY": "http://"}, "HTTPS_PROXY is not the URL of a proxy"},
		{"two spellings", env{"HTTPS_PROXY": "http://p:1", "https_proxy": "http://p:2"}, "HTTPS_PROXY and https_proxy are different"},
		{"two lists of exceptions", env{"NO_PROXY": "a", "no_proxy": "b"}, "NO_PROXY and no_proxy are different"},
		{"all alone", env{"ALL_PROXY": "http://p:1"}, "ALL_PROXY is not supported; set HTTPS_PROXY and HTTP_PROXY"},
		{"all and one", env{"all_proxy": "http://p:1", "HTTPS_PROXY": "http://p:1"}, "ALL_PROXY is not supported"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := Config{Getenv: tt.vars.get}.checkProxies()
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "s3cr3t") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}
