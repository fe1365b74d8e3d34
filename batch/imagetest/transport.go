package imagetest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

// Transport returns a transport that leads to the cloud without a socket,
// whatever the host. It starts no goroutine and waits with timers only, so it
// works in the bubble of a testing/synctest test.
//
// Each request is written and read as it would be on the wire. A cut comes out
// as a connection reset by the peer, and the end of the request's context as
// that context's error. It may be used by several goroutines at once.
func (c *Cloud) Transport() http.RoundTripper { return transport{c} }

type transport struct{ cloud *Cloud }

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	var wire bytes.Buffer
	if err := req.Write(&wire); err != nil {
		return nil, fmt.Errorf("write the request: %w", err)
	}
	ctx := req.Context()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	received, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil { // as net/http's server answers what it cannot read
		a := answer{status: http.StatusBadRequest, header: http.Header{}, body: []byte("400 Bad Request")}
		return a.response(req), nil
	}
	a, ok := t.cloud.serve(received.WithContext(ctx))
	switch {
	case ok:
		return a.response(req), nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	default:
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	}
}

// response is the answer as a client gets it.
func (a answer) response(req *http.Request) *http.Response {
	size := len(a.body)
	if req.Method == http.MethodHead {
		size = 0
	}
	var body io.Reader = bytes.NewReader(a.body[:size-a.lost])
	if a.lost > 0 {
		body = io.MultiReader(body, brokenReader{})
	}
	return &http.Response{
		Status:        fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)),
		StatusCode:    a.status,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        a.header,
		Body:          io.NopCloser(body),
		ContentLength: int64(size),
		Request:       req,
	}
}

// brokenReader is the end of a body that is cut short.
type brokenReader struct{}

// Read implements [io.Reader].
func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
