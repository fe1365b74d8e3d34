package imagetest

import (
	"maps"
	"net/http"
	"time"
)

// A Request is a request that a cloud has received, and what became of it.
type Request struct {
	Method string
	// Target is the request target as it stood in the request line.
	Target string
	// Header is the request's, and must not be changed.
	Header http.Header
	// ImageID and MemberID are what the Image API makes of the target, and of
	// the body that names who is to be added; empty where there are none.
	ImageID, MemberID string
	// Attempt counts the requests with this method, image and member from 1.
	Attempt int
	// Time is when the request was received.
	Time time.Time

	// Status is what was answered: 0 when nothing was, or is yet. A [Policy]
	// sees it so.
	Status int
	// Applied says that the request has changed the state of the cloud.
	Applied bool
}

// Stats counts what happened in a cloud.
type Stats struct {
	// Requests is the number of requests to the Image API, and Statuses that of
	// its answers by status, where 0 stands for no answer.
	Requests int
	Statuses map[int]int
	// MaxInFlight is the most requests to the Image API that were under way at
	// one time.
	MaxInFlight int
	// MembersRemoved and ImagesDeleted count changes, answered or not.
	MembersRemoved int
	ImagesDeleted  int
	// TokensIssued counts the tokens of both the Identity API and IssueToken.
	TokensIssued int
	// KeysIssued counts the access keys of the metadata service.
	KeysIssued int
}

// attemptKey is what the attempts of a request have in common.
type attemptKey struct{ method, imageID, memberID string }

// Requests returns the requests received so far, in the order in which they
// were, to both APIs. It is empty without KeepLog.
func (c *Cloud) Requests() []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	requests := make([]Request, len(c.log))
	for i, r := range c.log {
		requests[i] = *r
	}
	return requests
}

// Stats returns the counts so far.
func (c *Cloud) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Statuses = maps.Clone(s.Statuses)
	return s
}

// begin enters a request into the books and returns it with the fault that it
// is to meet.
func (c *Cloud) begin(r *http.Request, to route) (*Request, Fault) {
	req := &Request{
		Method:   r.Method,
		Target:   r.RequestURI,
		Header:   r.Header,
		ImageID:  to.imageID,
		MemberID: to.memberID,
	}
	c.mu.Lock()
	req.Time = time.Now()
	key := attemptKey{r.Method, c.imageKey(to.imageID), c.memberKey(to.memberID)}
	c.attempts[key]++
	req.Attempt = c.attempts[key]
	if c.KeepLog {
		c.log = append(c.log, req)
	}
	if to.kind.imageAPI() {
		c.stats.Requests++
		c.inFlight++
		c.stats.MaxInFlight = max(c.stats.MaxInFlight, c.inFlight)
	}
	policy, seen := c.faults, *req
	c.mu.Unlock()

	if policy == nil {
		return req, Fault{}
	}
	return req, policy(seen)
}

// end closes the books on a request.
func (c *Cloud) end(req *Request, to route, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	req.Status = status
	if to.kind.imageAPI() {
		c.stats.Statuses[status]++
		c.inFlight--
	}
}
