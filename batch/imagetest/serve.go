package imagetest

import (
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
)

// ServeHTTP serves both APIs.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := c.serve(r)
	if !ok {
		panic(http.ErrAbortHandler) // closes the connection
	}
	maps.Copy(w.Header(), a.header)
	if a.lost > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	// An error means that the client has gone; the answer is lost, as it can be.
	_, _ = w.Write(a.body[:len(a.body)-a.lost])
	if a.lost > 0 {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// serve answers a request, or returns false when it gets no answer.
func (c *Cloud) serve(r *http.Request) (answer, bool) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return answer{}, false
	}
	to := c.route(r)
	if to.kind == membersRoute && r.Method == http.MethodPost {
		to.memberID, _ = memberOf(body)
	}
	req, fault := c.begin(r, to)
	if c.Pages.Size > 0 && to.kind == membersRoute && r.Method == http.MethodGet {
		to.page = c.openPage(r.RequestURI, to.imageID)
		if f := to.page.fault.Fault; f != (Fault{}) {
			fault = f
		}
	}
	if to.kind == imagesRoute && r.Method == http.MethodGet {
		c.openImages(r.RequestURI, &to)
	}
	a, ok := fault.meet(r, func() answer {
		c.mu.Lock()
		defer c.mu.Unlock()
		a := c.respond(r, to, body)
		req.Applied = a.applied
		return a
	})
	c.end(req, to, a.status)
	if ok && c.ClockAhead != 0 {
		a.header.Set("Date", c.now().UTC().Format(http.TimeFormat))
	}
	return a, ok
}

// respond answers a request that meets no fault. The cloud is locked.
func (c *Cloud) respond(r *http.Request, to route, body []byte) answer {
	if c.Huawei && to.unpublished() {
		return unpublished()
	}
	switch to.kind {
	case identityRoute:
		return c.serveIdentity(r, to.path, body)
	case metadataRoute:
		return c.serveMetadata(r, to.path)
	case outsideRoute:
		return proxyPage(http.StatusNotFound)
	case versionsRoute:
		return c.imageVersions(r.Host)
	case tooLongRoute:
		return answer{status: http.StatusRequestURITooLong, header: http.Header{"Connection": {"close"}}}
	case notUTF8Route:
		return answer{status: http.StatusInternalServerError, header: http.Header{"Connection": {"close"}}}
	}
	t, refused := c.admit(r, body)
	if refused != nil {
		return *refused
	}
	requestID, ok := requestID(r.Header)
	if !ok {
		return serverError().explained(r.Header.Get("Accept"))
	}
	a := c.serveImages(t, r.Method, to, body).explained(r.Header.Get("Accept"))
	a.header.Set("X-Openstack-Request-Id", requestID)
	return a
}

// requestID returns the request's own id, or makes one up. It fails on an id
// that does not fit into Glance's context.
func requestID(h http.Header) (string, bool) {
	const maxLength = 64
	if id := h.Get("X-Openstack-Request-Id"); id != "" {
		return id, len(id) <= maxLength
	}
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("req-%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), true
}
