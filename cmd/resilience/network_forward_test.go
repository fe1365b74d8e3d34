package resilience

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"imsrevoke/batch/imagetest"
)

// A forwardProxy is the way out of a closed network: whatever host it is asked
// for, it connects to the one server that there is.
type forwardProxy struct {
	server             *url.URL
	forwarded, tunnels atomic.Int64
}

func (p *forwardProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		p.forwarded.Add(1)
		forward := httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Host = p.server.Host }}
		forward.ServeHTTP(w, r)
		return
	}
	p.tunnels.Add(1)
	server, err := net.Dial("tcp", p.server.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer server.Close()
	w.WriteHeader(http.StatusOK)
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	var wg sync.WaitGroup
	wg.Go(func() { io.Copy(server, buffered); server.(*net.TCPConn).CloseWrite() })
	io.Copy(client, server)
	client.Close()
	wg.Wait()
}

// TestNetworkBehindAForwardProxy: the program, in a process of its own, reaches
// Keystone and the Image API by the proxy of its environment alone, in the clear
// and, trusting an authority of its own, through a tunnel.
func TestNetworkBehindAForwardProxy(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, base string
		start      func(http.Handler) *httptest.Server
		proxied    string // the variable
	}{
		{"http", "http://cloud.example.com", httptest.NewServer, "HTTP_PROXY"},
		{"https", "https://cloud.example.com", httptest.NewTLSServer, "HTTPS_PROXY"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 4, 5)
			s.cloud.ImagePrefix, s.cloud.CatalogURL = "/image", tt.base+"/image/v2"
			server := tt.start(s.cloud)
			t.Cleanup(server.Close)
			u, err := url.Parse(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			p := &forwardProxy{server: u}
			proxy := httptest.NewServer(p)
			t.Cleanup(proxy.Close)

			ca := filepath.Join(t.TempDir(), "ca.pem")
			if server.TLS != nil {
				text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
				if err := os.WriteFile(ca, text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.Command("imsrevoke", "run", s.input, "--yes", "--rate", "unlimited", "--report", s.report())
			cmd.Env = []string{"HOME=" + t.TempDir(), tt.proxied + "=" + proxy.URL}
			for name, value := range s.environment() {
				cmd.Env = append(cmd.Env, name+"="+value)
			}
			cmd.Env = append(cmd.Env, "OS_AUTH_URL="+tt.base+imagetest.IdentityPath)
			if server.TLS != nil {
				cmd.Env = append(cmd.Env, "OS_CACERT="+ca)
			}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			s.judgeSettled(t)
			if forwarded, tunnels := p.forwarded.Load(), p.tunnels.Load(); (server.TLS == nil) != (forwarded > 0) || (server.TLS != nil) != (tunnels > 0) {
				t.Errorf("the proxy forwarded %d requests and made %d tunnels", forwarded, tunnels)
			}
			if server.TLS == nil && !strings.Contains(string(out), "unencrypted") {
				t.Errorf("no word of secrets that travel in the clear:\n%s", out)
			}
		})
	}
}
