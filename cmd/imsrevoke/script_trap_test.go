//go:build !windows

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A trapKind is a server that is not what the program expects. It answers
// everything with the same status.
type trapKind struct {
	status      int
	location    string
	body        string
	certificate *x509.Certificate // nil: it does not speak TLS
	known       bool              // ca.pem has its CA
}

var trapKinds = map[string]trapKind{
	"plain":     {status: http.StatusNoContent},
	"proxy-407": {status: http.StatusProxyAuthRequired},
	"proxy-403": {status: http.StatusForbidden},
	"redirect":  {status: http.StatusFound, location: "https://portal.example.com/login?next=/"},
	"nginx": {status: http.StatusNotFound, body: "<html><head><title>404 Not Found</title></head>" +
		"<body><center><h1>404 Not Found</h1></center><hr><center>nginx/1.22.1</center></body></html>"},
	"untrusted": {status: http.StatusNoContent, certificate: certificateOf("127.0.0.1", time.Now().Add(time.Hour))},
	"expired":   {status: http.StatusNoContent, known: true, certificate: certificateOf("127.0.0.1", time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC))},
	"elsewhere": {status: http.StatusNoContent, known: true, certificate: certificateOf("192.0.2.1", time.Now().Add(time.Hour))},
}

func certificateOf(ip string, until time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "trap"}, IPAddresses: []net.IP{net.ParseIP(ip)},
		NotBefore: until.Add(-24 * time.Hour), NotAfter: until, IsCA: true, BasicConstraintsValid: true,
	}
}

func (s *script) startTrap(ts *testscript.TestScript, args []string) {
	kind, ok := trapKinds[args[0]]
	if !ok {
		ts.Fatalf("unknown trap, want one of %v", slices.Sorted(maps.Keys(trapKinds)))
	}
	requests := new(atomic.Int64)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		if kind.location != "" {
			w.Header().Set("Location", kind.location)
		}
		w.WriteHeader(kind.status)
		io.WriteString(w, kind.body)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes
	if kind.certificate == nil {
		server.Start()
	} else {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		ts.Check(err)
		der, err := x509.CreateCertificate(rand.Reader, kind.certificate, kind.certificate, &key.PublicKey, key)
		ts.Check(err)
		server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
		server.StartTLS()
		if kind.known {
			text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
			ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), text, 0o600))
		}
	}
	ts.Defer(server.Close)
	s.trap = requests
	ts.Setenv("TRAP", server.Listener.Addr().String())
}

func (s *script) arrived(ts *testscript.TestScript, args []string) {
	judge(ts, "requests that arrived", int(s.trap.Load()), args[0])
}
