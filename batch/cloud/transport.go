package cloud

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// newTransport returns a transport for a cloud: it goes through the proxies of
// the environment and leaves bodies as they are sent. It speaks HTTP/1.1 only:
// over HTTP/2 net/http sends a request again by itself, without a pause, as often
// as the server answers GOAWAY or REFUSED_STREAM.
func newTransport(config *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols:           protocols,
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     config.Clone(),
		TLSHandshakeTimeout: 10 * time.Second,
		// Enough for the longest token that checkToken lets through, which
		// Keystone sends in a header.
		MaxResponseHeaderBytes: 4 * maxToken,
		// Below the idle timeouts that load balancers commonly have, so that
		// a request seldom meets a connection that is just being closed.
		IdleConnTimeout:        45 * time.Second,
		DisableCompression:     true,
		OnProxyConnectResponse: refusedConnect,
	}
}

// newClient returns a client for secrets: to follow a redirect would take them
// somewhere else.
func newClient(transport http.RoundTripper, timeout time.Duration) http.Client {
	return http.Client{
		Transport:     transport,
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// tlsConfig reads the TLS settings as the OpenStack clients do: a CA file
// replaces the system's CAs.
func (c Config) tlsConfig(from place, v values) (*tls.Config, error) {
	verify, err := from.bool(v, "verify", true)
	if err != nil {
		return nil, err
	}
	insecure, err := from.bool(v, "insecure", false)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{InsecureSkipVerify: insecure || !verify}
	if file := c.expand(cmp.Or(c.CACert, v["cacert"])); file != "" {
		what := "--cacert"
		if c.CACert == "" {
			what = from.quote("cacert")
		}
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: cannot read the CA certificates in %s: %w", what, file, cause(err))
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: %s holds no CA certificate: name a PEM file", what, file)
		}
	}
	certFile, keyFile := c.expand(v["cert"]), c.expand(v["key"])
	switch {
	case certFile != "":
		cert, err := tls.LoadX509KeyPair(certFile, cmp.Or(keyFile, certFile))
		if err != nil {
			return nil, fmt.Errorf("%s: cannot load the client certificate and its key: %w; check %s and %s",
				from.quote("cert"), err, from.key("cert"), from.key("key"))
		}
		config.Certificates = []tls.Certificate{cert}
	case keyFile != "":
		return nil, fmt.Errorf("%s is set without %s; set both, or neither", from.quote("key"), from.key("cert"))
	}
	return config, nil
}

// expand replaces a leading ~ of a file name by the home directory, as the
// OpenStack clients do. Shells leave it alone in OS_CACERT='~/ca.pem'.
func (c Config) expand(file string) string {
	if rest, ok := strings.CutPrefix(file, "~/"); ok && c.Getenv("HOME") != "" {
		return filepath.Join(c.Getenv("HOME"), rest)
	}
	return file
}

// bool reads a setting that is true or false.
func (p place) bool(v values, name string, otherwise bool) (bool, error) {
	switch strings.ToLower(v[name]) {
	case "":
		return otherwise, nil
	case "1", "t", "true", "yes", "on":
		return true, nil
	case "0", "f", "false", "no", "off":
		return false, nil
	}
	hint := ""
	if name == "verify" {
		hint = "; the file of a CA belongs in " + p.key("cacert")
	}
	return false, fmt.Errorf("%s is neither true nor false; correct or remove it%s", p.quote(name), hint)
}
