//go:build linux

package main

import (
	"bytes"
	"cmp"
	"container/heap"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A server answers requests for members, from one thread and with as little
// work as can be, so that no client waits for it: an epoll loop that looks for
// the end of a request and writes an answer that is ready.
type server struct {
	url                    string
	epoll, listener, timer int
	conns                  []*conn // by file descriptor
	delayed                answers
	arrivals               arrivals
	removed, busy          []byte // the answers
	dated                  int64  // the second that they name

	latency     time.Duration
	busyPercent float64
	retryAfter  int // seconds, with a 503; 0 for none
	pauseAt     int // the request that is answered 503 with a Retry-After of two seconds; 0 for none
	stuck       int // the request that is answered after stuckFor; 0 for none
	stuckFor    time.Duration
	last        string // the member of the last row; "" when nobody asks when that came
}

type conn struct {
	fd   int
	buf  []byte
	used int
}

// serve runs a server until standard input ends. Its address is the only thing
// that it prints.
func serve(args []string) error {
	var s server
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	flags.DurationVar(&s.latency, "latency", 0, "how long each answer takes")
	flags.Float64Var(&s.busyPercent, "busy", 0, "how many in a hundred requests are answered 503")
	flags.IntVar(&s.retryAfter, "retry-after", 0, "seconds that a 503 asks for")
	flags.IntVar(&s.pauseAt, "pause-at", 0, "the request that is answered with a pause of two seconds")
	flags.IntVar(&s.stuck, "stuck", 0, "the request that is stuck")
	flags.DurationVar(&s.stuckFor, "stuck-for", time.Minute, "how long it is stuck")
	flags.StringVar(&s.last, "last", "", "the member of the last row")
	if err := flags.Parse(args); err != nil {
		return err
	}
	go func() {
		io.Copy(io.Discard, os.Stdin) // it ends with whoever has started it
		os.Exit(0)
	}()
	if err := s.listen(); err != nil {
		return err
	}
	for {
		if err := s.wait(); err != nil {
			return err
		}
	}
}

func (s *server) listen() (err error) {
	if s.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := unix.Bind(s.listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	if err := unix.Listen(s.listener, 4096); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if s.epoll, err = unix.EpollCreate1(0); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	// The timeout of epoll itself counts in milliseconds.
	if s.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK); err != nil {
		return fmt.Errorf("timer: %w", err)
	}
	if err := errors.Join(s.watch(s.listener), s.watch(s.timer)); err != nil {
		return err
	}
	address, err := unix.Getsockname(s.listener)
	if err != nil {
		return err
	}
	s.url = fmt.Sprintf("http://127.0.0.1:%d", address.(*unix.SockaddrInet4).Port)
	fmt.Println(s.url)
	return nil
}

func (s *server) watch(fd int) error {
	return unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// wait waits until something has come in, or an answer is due, and acts on it.
func (s *server) wait() error {
	var events [256]unix.EpollEvent
	n, err := unix.EpollWait(s.epoll, events[:], -1)
	if err == unix.EINTR {
		return nil
	}
	if err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	now := time.Now()
	for _, event := range events[:n] {
		switch fd := int(event.Fd); fd {
		case s.listener:
			err = s.accept()
		case s.timer:
			var expirations [8]byte
			unix.Read(fd, expirations[:])
		default:
			s.read(s.conns[fd], now)
		}
	}
	s.answerDue(time.Now())
	return err
}

func (s *server) accept() error {
	for {
		fd, _, err := unix.Accept4(s.listener, unix.SOCK_NONBLOCK)
		if err != nil {
			return nil // nobody else is waiting
		}
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		for len(s.conns) <= fd {
			s.conns = append(s.conns, nil)
		}
		s.conns[fd] = &conn{fd: fd, buf: make([]byte, 16<<10)}
		if err := s.watch(fd); err != nil {
			return err
		}
	}
}

// read takes what has come on a connection, and answers the requests in it.
func (s *server) read(c *conn, now time.Time) {
	n, err := unix.Read(c.fd, c.buf[c.used:])
	if err == unix.EAGAIN {
		return
	}
	if n <= 0 {
		unix.Close(c.fd)
		s.conns[c.fd] = nil
		return
	}
	c.used += n
	rest := c.buf[:c.used]
	for {
		end := bytes.Index(rest, []byte("\r\n\r\n"))
		if end < 0 {
			break
		}
		s.request(c, rest[:end], now)
		rest = rest[end+4:]
	}
	c.used = copy(c.buf, rest)
}

// request answers one request, now or later.
func (s *server) request(c *conn, head []byte, now time.Time) {
	method, rest, _ := bytes.Cut(head, []byte(" "))
	path, _, _ := bytes.Cut(rest, []byte(" "))
	if string(method) != http.MethodDelete {
		unix.Write(c.fd, s.document(string(path)))
		return
	}
	s.arrivals.add(now)
	if s.last != "" && s.arrivals.rows == 0 && bytes.HasSuffix(path, []byte(s.last)) {
		s.arrivals.rows = len(s.arrivals.at)
	}
	s.date(now)
	answer, after := s.removed, s.latency
	switch n := len(s.arrivals.at); {
	case n == s.stuck:
		after = s.stuckFor
	case n == s.pauseAt:
		answer = unavailable(now, 2)
	case s.busyPercent > 0 && rand.Float64()*100 < s.busyPercent:
		answer = s.busy
	}
	if after == 0 {
		unix.Write(c.fd, answer)
		return
	}
	heap.Push(&s.delayed, delayedAnswer{now.Add(after), c, answer})
	if s.delayed[0].conn == c {
		s.setTimer(now)
	}
}

// date has the answers name the time.
func (s *server) date(now time.Time) {
	if now.Unix() == s.dated {
		return
	}
	s.dated = now.Unix()
	s.removed = fmt.Appendf(nil, "HTTP/1.1 204 No Content\r\nX-Openstack-Request-Id: req-8e1ab19d-5b1a-4c57-9a41-1f0e6a2f7c55\r\nDate: %s\r\n\r\n", now.UTC().Format(http.TimeFormat))
	s.busy = unavailable(now, s.retryAfter)
}

func unavailable(now time.Time, retryAfter int) []byte {
	after := ""
	if retryAfter > 0 {
		after = fmt.Sprintf("Retry-After: %d\r\n", retryAfter)
	}
	return fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n%sDate: %s\r\n\r\n", after, now.UTC().Format(http.TimeFormat))
}

// document answers a GET: the member list of an image, what the server has
// counted, or what a client of OpenStack asks for on the way.
func (s *server) document(path string) []byte {
	body := `{"members": [], "schema": "/v2/schemas/members"}`
	project, ofProject := strings.CutPrefix(path, "/projects/")
	image, ofImage := strings.CutPrefix(path, "/v2/images/")
	switch path = strings.TrimSuffix(path, "/"); {
	case ofProject:
		body = fmt.Sprintf(`{"project": {"id": %q, "name": %[1]q}}`, project)
	case ofImage && !strings.Contains(image, "/"):
		body = fmt.Sprintf(`{"id": %q, "name": "", "status": "active", "visibility": "shared"}`, image)
	case path == "/requests":
		body = fmt.Sprint(len(s.arrivals.at))
	case path == "/counts":
		body = s.arrivals.counts()
	case path == "" || path == "/v2":
		body = fmt.Sprintf(`{"versions": [{"id": "v2.15", "status": "CURRENT", "links": [{"rel": "self", "href": "%s/v2/"}]}]}`, s.url)
	}
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func (s *server) answerDue(now time.Time) {
	if len(s.delayed) == 0 {
		return
	}
	for len(s.delayed) > 0 && !s.delayed[0].due.After(now) {
		a := heap.Pop(&s.delayed).(delayedAnswer)
		if s.conns[a.conn.fd] == a.conn {
			unix.Write(a.conn.fd, a.text)
		}
	}
	s.setTimer(now)
}

// setTimer wakes the loop when the first answer is due.
func (s *server) setTimer(now time.Time) {
	if len(s.delayed) == 0 {
		return
	}
	wait := max(s.delayed[0].due.Sub(now), 1)
	unix.TimerfdSettime(s.timer, 0, &unix.ItimerSpec{Value: unix.NsecToTimespec(int64(wait))}, nil)
}

// A delayedAnswer is one that waits for its time.
type delayedAnswer struct {
	due  time.Time
	conn *conn
	text []byte
}

// answers implements heap.Interface.
type answers []delayedAnswer

func (h answers) Len() int           { return len(h) }
func (h answers) Less(i, j int) bool { return cmp.Less(h[i].due.UnixNano(), h[j].due.UnixNano()) }
func (h answers) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *answers) Push(a any)        { *h = append(*h, a.(delayedAnswer)) }
func (h *answers) Pop() any {
	last := len(*h) - 1
	a := (*h)[last]
	*h = (*h)[:last]
	return a
}
