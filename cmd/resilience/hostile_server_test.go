package resilience

import (
	"bufio"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// A hostileServer answers each request with whatever it likes, byte for byte.
type hostileServer struct {
	url      string
	requests atomic.Int64
	sent     atomic.Int64 // bytes, over all connections
}

// A hostileConn is a connection on which an answer is due. After a write that
// fails, which the client's going away makes it do, gone is true.
type hostileConn struct {
	server *hostileServer
	conn   net.Conn
	gone   bool
}

func (c *hostileConn) write(text string) {
	n, err := c.conn.Write([]byte(text))
	c.server.sent.Add(int64(n))
	c.gone = c.gone || err != nil
}

// forever writes text until the client goes away.
func (c *hostileConn) forever(text string) {
	for !c.gone {
		c.write(text)
	}
}

// hang waits until the client goes away.
func (c *hostileConn) hang() {
	c.conn.Read(make([]byte, 1))
	c.gone = true
}

// startHostileServer serves with answer, which is called once for each request,
// and after which the connection is closed.
func startHostileServer(t *testing.T, answer func(*hostileConn, *http.Request)) *hostileServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &hostileServer{url: "http://" + listener.Addr().String()}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer conn.Close()
				req, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				s.requests.Add(1)
				answer(&hostileConn{server: s, conn: conn}, req)
			})
		}
	})
	t.Cleanup(func() {
		listener.Close()
		conns.Wait() // each ends when the client has gone
	})
	return s
}
