package imageapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"imsrevoke/batch"
)

// notThere explains the answer to the first request of a client if it can only
// come from something that is no Image API; otherwise it returns the empty
// string. Later the same answer is trouble of a gateway. A success is no such
// answer unless it is one to a GET: what another one has done nobody knows.
//
// A 404 says so in the words of those that find no such path. Others, also the
// pages that a proxy shows in the place of Glance's words, leave it open.
func notThere(e *exchange) string {
	status, text := e.resp.StatusCode, e.errorText
	switch {
	case 300 < status && status < 400:
		if to := origin(e.resp.Header.Get("Location")); to != "" {
			return "it redirects to " + to + setEndpoint
		}
	case status == http.StatusMultipleChoices: // Glance lists its versions wherever a path does not begin with one
	case status == http.StatusNotFound && (text.nested && text.code == "" || isPathUnknown(text.message)):
	case e.answer.Meaning == batch.WrongEndpoint:
		return e.answer.Message
	case status == http.StatusMethodNotAllowed, status == http.StatusNotImplemented:
	case status < 300 && e.req.Method == http.MethodGet && e.answer.Meaning == batch.Broken &&
		strings.HasPrefix(e.resp.Header.Get("Content-Type"), "text/html"):
		return "it answered with a web page" + setEndpoint
	default:
		return ""
	}
	return fmt.Sprintf("it answered %d %s", status, http.StatusText(status)) + setEndpoint
}

const setEndpoint = "; set --endpoint to the address of the Image API"

// isPathUnknown recognises the pages of web servers and proxies that have no such
// path: of nginx, Apache, Go and Traefik, and the ingress of Kubernetes. (Each
// would pass Glance's own 404 on, or show a page of its owner's.)
func isPathUnknown(text string) bool {
	for _, words := range []string{"404 page not found", "default backend - 404", "was not found on this server"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	name, _, _ := strings.Cut(text, "/") // withoutTags has left out the status
	return name == "nginx" || name == "openresty"
}

// origin is the scheme and host of an address, which is all of it that matters
// and that may be shown. It is empty for what is no such address.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host}).String()
}
