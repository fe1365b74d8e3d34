package imagetest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
)

// A Server serves a cloud on a port of the loopback interface. (It is not made
// of httptest's, which listens to flags of the program that it is part of.)
type Server struct {
	// URL is the root of both APIs, without a slash at its end, and AuthURL that
	// of the Identity API.
	URL, AuthURL string

	http   *http.Server
	cancel context.CancelFunc
	served chan struct{}
	conns  sync.WaitGroup
}

// NewServer is [Start] for tests: it panics when there is no port to be had.
func NewServer(c *Cloud) *Server {
	s, err := Start(c)
	if err != nil {
		panic("imagetest: " + err.Error())
	}
	return s
}

// Start serves the cloud on a free port. The caller must Close the server.
func Start(c *Cloud) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("the simulated cloud cannot listen on the loopback interface: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	url := "http://" + listener.Addr().String()
	s := &Server{URL: url, AuthURL: url + IdentityPath, cancel: cancel, served: make(chan struct{})}
	s.http = &http.Server{
		Handler:     c,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState:   s.countConn,
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(listener) // http.ErrServerClosed, by Close
	}()
	return s, nil
}

// Close ends the requests that hang, cuts all connections, and returns when
// everything that the server has started has ended. It may be called again.
func (s *Server) Close() {
	s.cancel()
	_ = s.http.Close()
	<-s.served
	// Serve may have taken in one more connection while the others were closed.
	_ = s.http.Close()
	s.conns.Wait()
}

// countConn follows a connection: it is new in the goroutine of Serve, and
// closed at the end of its own.
func (s *Server) countConn(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
	case http.StateClosed:
		s.conns.Done()
	}
}
