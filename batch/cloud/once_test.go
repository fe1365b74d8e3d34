package cloud_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"imsrevoke/batch/cloud"
)

// TestARequestIsSentOnce counts at servers that make net/http send a request
// again by itself.
func TestARequestIsSentOnce(t *testing.T) {
	t.Parallel()
	t.Run("over TLS that offers HTTP/2", func(t *testing.T) {
		t.Parallel()
		k, ca := newTLSKeystone(t)
		var arrived, newer atomic.Int64
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			arrived.Add(1)
			if r.ProtoMajor > 1 {
				newer.Add(1)
			}
		}))
		server.EnableHTTP2 = true
		server.TLS = &tls.Config{Certificates: k.TLS.Certificates}
		server.Config.ErrorLog = log.New(io.Discard, "", 0)
		server.StartTLS()
		t.Cleanup(server.Close)
		s := mustConnect(t, cloud.Config{Endpoint: server.URL, CACert: ca}, env{"OS_TOKEN": "s3cr3t"})
		sent, answers := send(t, s, http.MethodDelete, server.URL, 20)
		if arrived.Load() != int64(sent) || newer.Load() != 0 || answers != sent {
			t.Errorf("%d requests sent, %d arrived, %d of them over HTTP/2, %d answered", sent, arrived.Load(), newer.Load(), answers)
		}
	})
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPost} {
		t.Run(method+" on a connection that was kept open", func(t *testing.T) {
			t.Parallel()
			url, arrived := closesKept(t)
			s := mustConnect(t, cloud.Config{Endpoint: url}, env{"OS_TOKEN": "s3cr3t"})
			sent, answers := send(t, s, method, url, 20)
			if arrived.Load() != int64(sent) || answers != sent/2 {
				t.Errorf("%d requests sent, %d arrived, %d answered", sent, arrived.Load(), answers)
			}
		})
	}
}

// send makes requests, one after the other, and counts the answers.
func send(t *testing.T, s *cloud.Session, method, url string, n int) (sent, answers int) {
	t.Helper()
	transport := s.Transport(8)
	defer transport.CloseIdleConnections()
	for range n {
		req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			continue
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		answers++
	}
	return n, answers
}

// closesKept starts a server that answers the first request of each connection,
// and closes the connection when the second one has arrived.
func closesKept(t *testing.T) (url string, arrived *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	arrived = new(atomic.Int64)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				requests := bufio.NewReader(conn)
				for n := range 2 {
					if _, err := http.ReadRequest(requests); err != nil {
						return
					}
					arrived.Add(1)
					if n == 0 {
						io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
					}
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String(), arrived
}
