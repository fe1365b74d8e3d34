package cloud_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"imsrevoke/batch/cloud"
)

// newTLSKeystone is a Keystone and an Image API behind one certificate, whose
// authority it writes into a file.
func newTLSKeystone(t *testing.T) (k *keystone, caFile string) {
	t.Helper()
	k = newKeystone(t)
	k.Server = httptest.NewUnstartedServer(http.HandlerFunc(k.serve))
	k.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes
	k.StartTLS()
	t.Cleanup(k.Server.Close)
	k.catalog = imageCatalog("RegionOne " + k.URL)
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.Certificate().Raw})
	return k, writeFile(t, t.TempDir(), "ca.pem", string(block))
}

func TestTLS(t *testing.T) {
	t.Parallel()
	k, ca := newTLSKeystone(t)
	file := writeFile(t, t.TempDir(), "clouds.yaml", "clouds: {prod: {cacert: '"+ca+"', auth: {auth_url: '"+k.URL+"', user_id: a1, password: s3cr3t}}, "+
		"bare: {auth: {auth_url: '"+k.URL+"', user_id: a1, password: s3cr3t}}}")
	home := filepath.Dir(ca)
	inClouds := env{"OS_CLIENT_CONFIG_FILE": file}
	tests := []struct {
		name   string
		config cloud.Config
		vars   env
		warned bool
	}{
		{"an authority of the flags", cloud.Config{CACert: ca}, k.password().with(env{"OS_CACERT": "/nonexistent"}), false},
		{"an authority of the environment", cloud.Config{}, k.password().with(env{"OS_CACERT": ca}), false},
		{"an authority in the home directory", cloud.Config{}, k.password().with(env{"OS_CACERT": "~/ca.pem", "HOME": home}), false},
		{"no verification by OS_VERIFY", cloud.Config{}, k.password().with(env{"OS_VERIFY": "false"}), true},
		{"an authority of clouds.yaml", cloud.Config{OSCloud: "prod"}, inClouds, false},
		{"an authority of the flags, for clouds.yaml", cloud.Config{OSCloud: "bare", CACert: ca}, inClouds, false},
		{"an authority for a ready token", cloud.Config{CACert: ca, Endpoint: k.URL}, env{"OS_TOKEN": "s3cr3t"}, false},
		{"no verification", cloud.Config{}, k.password().with(env{"OS_INSECURE": "true"}), true},
		{"no verification, for clouds.yaml", cloud.Config{OSCloud: "bare"}, inClouds.with(env{"OS_INSECURE": "1"}), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, logged, err := connect(t, tt.config, tt.vars)
			if err != nil {
				t.Fatal(err)
			}
			transport := s.Transport(1)
			defer transport.CloseIdleConnections()
			resp, err := (&http.Client{Transport: transport}).Get(s.Endpoint().String())
			if err != nil {
				t.Fatalf("the Image API is not trusted: %v", err)
			}
			resp.Body.Close()
			if got := strings.Contains(logged, "not verified"); got != tt.warned {
				t.Errorf("warned = %t, want %t; log: %s", got, tt.warned, logged)
			}
		})
	}
}

func TestUntrustedKeystone(t *testing.T) {
	t.Parallel()
	k, _ := newTLSKeystone(t)
	_, _, err := connect(t, cloud.Config{}, k.password())
	wantError(t, err, k.URL, "is not trusted", "--cacert")
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		t.Errorf("%v does not wrap its cause", err)
	}
	wantPosted(t, k)
}

func TestBrokenTLSSettings(t *testing.T) {
	t.Parallel()
	notPEM := writeFile(t, t.TempDir(), "ca.pem", "s3cr3t")
	tests := []struct {
		name   string
		config cloud.Config
		vars   env
		want   []string
	}{
		{"no such file", cloud.Config{CACert: "/nonexistent/ca.pem"}, nil, []string{"CA certificates", "/nonexistent/ca.pem"}},
		{"a file of another kind", cloud.Config{CACert: notPEM}, nil, []string{notPEM, "no CA certificate"}},
		{"neither true nor false", cloud.Config{}, env{"OS_INSECURE": "perhaps"}, []string{"OS_INSECURE is neither true nor false"}},
		{"a certificate without a key", cloud.Config{}, env{"OS_CERT": notPEM}, []string{"OS_CERT and OS_KEY"}},
		{"a key without a certificate", cloud.Config{}, env{"OS_KEY": notPEM}, []string{"OS_KEY is set without OS_CERT"}},
		{"a key that is none", cloud.Config{}, env{"OS_CERT": notPEM, "OS_KEY": notPEM}, []string{"client certificate"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := connect(t, tt.config, env{"OS_AUTH_URL": "https://127.0.0.1:1", "OS_USER_ID": "a1", "OS_PASSWORD": "s3cr3t"}.with(tt.vars))
			wantError(t, err, tt.want...)
		})
	}
}

func TestTransport(t *testing.T) {
	t.Parallel()
	s := mustConnect(t, cloud.Config{Endpoint: imageAPI}, env{"OS_TOKEN": "s3cr3t"})
	transport := s.Transport(32)
	if transport.MaxIdleConnsPerHost != 32 || !transport.DisableCompression || transport.Proxy == nil {
		t.Errorf("%d idle connections, compression disabled = %t, proxies = %t",
			transport.MaxIdleConnsPerHost, transport.DisableCompression, transport.Proxy != nil)
	}
	transport.TLSClientConfig.InsecureSkipVerify = true
	if s.Transport(1).TLSClientConfig.InsecureSkipVerify {
		t.Error("a caller has changed the transports of the session")
	}
}

// TestATokenDoesNotLeaveTLS: an address of the catalog without TLS is believed
// only if Keystone itself has none, or if it was named.
func TestATokenDoesNotLeaveTLS(t *testing.T) {
	t.Parallel()
	const plain = "http://192.0.2.2:9292"
	tests := []struct {
		name, url string
		config    cloud.Config
		refused   bool
	}{
		{"another host", plain, cloud.Config{}, true},
		{"a name", "http://glance.example.com", cloud.Config{}, true},
		{"this machine", "http://127.0.0.1:9292", cloud.Config{}, false},
		{"TLS", "https://192.0.2.2", cloud.Config{}, false},
		{"one that was named", plain, cloud.Config{Endpoint: plain}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k, ca := newTLSKeystone(t)
			k.catalog = imageCatalog("RegionOne " + tt.url)
			tt.config.CACert = ca
			_, _, err := connect(t, tt.config, k.password())
			if !tt.refused {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError(t, err, tt.url, "would travel unencrypted", "--endpoint")
		})
	}
	t.Run("Keystone without TLS", func(t *testing.T) {
		t.Parallel()
		k := newKeystone(t)
		k.catalog = imageCatalog("RegionOne " + plain)
		if _, logged, err := connect(t, cloud.Config{}, k.password()); err != nil || !strings.Contains(logged, "unencrypted") {
			t.Errorf("error %v, log %s", err, logged)
		}
	})
}
