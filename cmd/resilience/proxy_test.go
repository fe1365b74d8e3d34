package resilience

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A proxy is the network between the program and the Image API.
type proxy struct {
	t       *testing.T
	address string // of the proxy; stays when it is down and up again
	target  string
	trouble atomic.Pointer[trouble]

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]bool
	pumps    sync.WaitGroup
}

// A trouble is what is wrong with a network, in one direction or in both. Its zero
// value is a good network.
type trouble struct {
	requests, answers bool          // the directions
	latency           time.Duration // of each chunk, from 0 to twice as long
	perSecond         int           // bytes on each connection; 0: no limit
	slice             int           // bytes in each chunk; 0: as they come
	closesLate        time.Duration
	resets            bool // connections end with a reset when data comes
	swallows          bool // nothing arrives, and connections end when the trouble does
	ends              bool // connections end without a word when data comes
	limit             int  // connections end after so many bytes; 0: no limit

	over chan struct{} // closed when the trouble is
}

// startProxy puts a proxy between the program and the Image API.
func (s *site) startProxy(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{t: t, address: "127.0.0.1:0", target: strings.TrimPrefix(s.server.URL, "http://")}
	p.set(trouble{})
	p.up()
	t.Cleanup(func() { p.set(trouble{}); p.down() })
	s.endpoint = "http://" + p.address
	return p
}

// set changes what is wrong with the network.
func (p *proxy) set(t trouble) {
	t.over = make(chan struct{})
	if before := p.trouble.Swap(&t); before != nil {
		close(before.over)
	}
}

// up lets connections through.
func (p *proxy) up() {
	p.t.Helper()
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.address, p.listener, p.conns = listener.Addr().String(), listener, make(map[net.Conn]bool)
	p.pumps.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", p.target)
			if err != nil {
				client.Close()
				continue
			}
			if !p.keep(client, server) {
				return
			}
			p.pumps.Go(func() { p.pump(client, server, false) })
			p.pumps.Go(func() { p.pump(server, client, true) })
		}
	})
}

// keep notes connections, unless the network is down.
func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.listener == nil {
			c.Close()
		} else {
			p.conns[c] = true
		}
	}
	return p.listener != nil
}

// down ends all connections and refuses others.
func (p *proxy) down() {
	p.mu.Lock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.pumps.Wait()
}

// pump passes on what one side says, as the trouble of the moment lets it.
func (p *proxy) pump(from, to net.Conn, answers bool) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 4096)
	var current *trouble
	passed := 0 // since the current trouble began
	for {
		n, err := from.Read(buffer)
		t := p.trouble.Load()
		if !t.requests && !answers || !t.answers && answers {
			t = &trouble{}
		}
		if t != current {
			current, passed = t, 0
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				time.Sleep(t.closesLate)
			}
			return
		}
		switch {
		case t.resets:
			for _, c := range []net.Conn{from, to} {
				_ = c.(*net.TCPConn).SetLinger(0)
			}
			return
		case t.swallows:
			<-t.over
			return
		case t.ends:
			return
		case t.limit > 0 && passed+n > t.limit:
			_, _ = to.Write(buffer[:t.limit-passed])
			return
		}
		passed += n
		if t.latency > 0 {
			time.Sleep(rand.N(2 * t.latency))
		}
		for rest := buffer[:n]; len(rest) > 0; {
			chunk := len(rest)
			if t.slice > 0 {
				chunk = min(chunk, t.slice)
			}
			if t.perSecond > 0 {
				time.Sleep(time.Duration(chunk) * time.Second / time.Duration(t.perSecond))
			}
			if _, err := to.Write(rest[:chunk]); err != nil {
				return
			}
			rest = rest[chunk:]
		}
	}
}
