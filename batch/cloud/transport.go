package cloud

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// newTransport returns a transport for a cloud: it goes through the proxies of
// the environment and leaves bodies as they are sent.
func newTransport(config *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     config.Clone(),
		TLSHandshakeTimeout: 10 * time.Second,
		// Enough for the longest token that checkToken lets through, which
		// Keystone sends in a header.
		MaxResponseHeaderBytes: 4 * maxToken,
		// Below the idle timeouts that load balancers commonly have, so that
		// a request seldom meets a connection that is just being closed.
		IdleConnTimeout:    45 * time.Second,
		ForceAttemptHTTP2:  true,
		DisableCompression: true,
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

// tlsConfig reads the TLS settings of the flags and the environment, as the
// OpenStack clients have them: a CA file replaces the system's authorities.
func (c Config) tlsConfig() (*tls.Config, error) {
	insecure, err := c.insecure()
	if err != nil {
		return nil, err
	}
	config := &tls.Config{InsecureSkipVerify: insecure != nil && *insecure}
	if file := c.caFile(); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the CA certificates: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no CA certificate: name a PEM file", file)
		}
	}
	certFile, keyFile := c.Getenv("OS_CERT"), c.Getenv("OS_KEY")
	switch {
	case certFile != "" && keyFile != "":
		cert, err := tls.LoadX509KeyPair(certFile, keyFile)
		if err != nil {
			return nil, fmt.Errorf("load the client certificate of OS_CERT and OS_KEY: %w", err)
		}
		config.Certificates = []tls.Certificate{cert}
	case certFile != "" || keyFile != "":
		return nil, errors.New("only one of OS_CERT and OS_KEY is set: set both, or neither")
	}
	return config, nil
}

func (c Config) caFile() string {
	if c.CACert != "" {
		return c.CACert
	}
	return c.Getenv("OS_CACERT")
}

// insecure is what OS_INSECURE says, nil when it is not set.
func (c Config) insecure() (*bool, error) {
	text := c.Getenv("OS_INSECURE")
	if text == "" {
		return nil, nil
	}
	insecure, err := strconv.ParseBool(text)
	if err != nil {
		return nil, fmt.Errorf("OS_INSECURE %q is neither true nor false: correct or unset it", text)
	}
	return &insecure, nil
}
