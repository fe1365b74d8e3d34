package imageapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"imsrevoke/batch"
)

const (
	image  = "d164b5df-1bc3-4c3f-893e-3e471fd16e64"
	member = "edc89b490d7d4392898e19b2deb34797"
	owner  = "0605767b9e00d5762f4fc01a2a0d1234"
	token  = "gAAAAAB-a-secret-token"
)

var pair = batch.Pair{ImageID: image, MemberID: member}

// keys are Credentials whose renewal ends as err says.
// They may be used concurrently; the counts are read when the requests have ended.
type keys struct {
	err error

	mu                sync.Mutex
	renewed, accepted int
}

func (k *keys) Authorize(req *http.Request) (uint64, error) {
	req.Header.Set("X-Auth-Token", token)
	return 1, nil
}

func (k *keys) Renew(context.Context, uint64, string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.renewed++
	return k.err
}

func (k *keys) Accepted(uint64, string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.accepted++
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// says answers every request with the text of an HTTP response.
func says(response string) roundTripper {
	return func(req *http.Request) (*http.Response, error) {
		return http.ReadResponse(bufio.NewReader(strings.NewReader(response)), req)
	}
}

// newClient returns a client that has made its first request.
func newClient(t testing.TB, endpoint string, k Credentials, rt http.RoundTripper) *Client {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	c := New(Config{Endpoint: u, Transport: rt, Credentials: k, ProjectID: owner, UserAgent: "imsrevoke/test"})
	c.began.Store(true)
	return c
}

// glance is Glance's JSON for an error.
func glance(status, message string) string {
	body := fmt.Sprintf(`{"message": "%s<br /><br />\n\n\n", "code": "%s", "title": "%s"}`, message, status, status[4:])
	return "HTTP/1.1 " + status + "\r\nContent-Type: application/json\r\nX-Openstack-Request-Id: req-from-glance\r\n\r\n" + body
}

func plain(status, contentType, body string, headers ...string) string {
	return "HTTP/1.1 " + status + "\r\nContent-Type: " + contentType + "\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n" + body
}

func TestWhatAnswersToADeleteMean(t *testing.T) {
	gone := member + " not found in the member list of the image " + image + "."
	noImage := "Image " + image + " not found."
	tests := []struct {
		name, response string
		meaning        batch.Meaning
		message        string
	}{
		{"204", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", batch.Removed, ""},
		{"200 is no success", plain("200 OK", "text/html", "<h1>Welcome to the portal</h1>"), batch.Broken, "and not 204"},
		{"202 is no success", plain("202 Accepted", "text/plain", ""), batch.Broken, "and not 204"},
		{"404 for the member, JSON", glance("404 Not Found", gone), batch.NotAMember, gone},
		{"404 for the member, text", plain("404 Not Found", "text/plain", "404 Not Found\n\n"+gone+"\n\n   "), batch.NotAMember, gone},
		{"404 for the member, HTML", plain("404 Not Found", "text/html", "<html>\n <head>\n  <title>404 Not Found</title>\n </head>\n <body>\n  <h1>404 Not Found</h1>\n  "+gone+"<br /><br />\n\n\n\n </body>\n</html>"),
			batch.NotAMember, gone},
		{"404 for the member in the other letter case", glance("404 Not Found", strings.ToUpper(member)+" not found in the member list of the image "+image+"."), batch.NotAMember, ""},
		{"404 for another member proves nothing", glance("404 Not Found", "x"+member[1:]+" not found in the member list of the image "+image+"."), batch.AmbiguousNotFound, ""},
		{"404 for the member of another image proves nothing", glance("404 Not Found", member+" not found in the member list of the image x."), batch.AmbiguousNotFound, ""},
		{"404 for the image", glance("404 Not Found", noImage), batch.NoSuchImage, noImage},
		{"404 for no route", glance("404 Not Found", "The resource could not be found."), batch.AmbiguousNotFound, "The resource could not be found."},
		{"404 of a proxy", plain("404 Not Found", "text/html", "<html><head><title>404</title><style>h1 {}</style></head><body><center><h1>404 Not Found</h1></center><hr>nginx</body></html>"),
			batch.AmbiguousNotFound, "nginx"},
		{"404 of a gateway", plain("404 Not Found", "application/json", `{"error_msg":"The API does not exist or has not been published in the environment","error_code":"APIGW.0101","request_id":"8080"}`),
			batch.WrongEndpoint, "APIGW.0101: The API does not exist or has not been published in the environment; no API is published at this address; check --endpoint"},
		{"404 without a body", plain("404 Not Found", "text/plain", ""), batch.AmbiguousNotFound, "404 Not Found"},
		{"404 whose body is cut", "HTTP/1.1 404 Not Found\r\nContent-Length: 500\r\n\r\n{\"message\": \"" + member + " not found in", batch.AmbiguousNotFound, ""},
		{"400", plain("400 Bad Request", "application/json", `{"error":{"message":"The image ID is incorrect.","code":"IMG.0066"}}`), batch.Refused, "IMG.0066: The image ID is incorrect."},
		{"403", glance("403 Forbidden", "Not allowed to delete members for image "+image+"."), batch.Forbidden, "Not allowed to delete members for image " + image + "."},
		{"405", glance("405 Method Not Allowed", "x"), batch.Refused, "x"},
		{"409", glance("409 Conflict", "x"), batch.Refused, "x"},
		{"413", glance("413 Request Entity Too Large", "x"), batch.Refused, "x"},
		{"a redirect is not followed", plain("302 Found", "text/html", "", "Location: http://elsewhere.example/"), batch.Refused, "a redirect, which is not followed"},
		{"the version list", plain("300 Multiple Choices", "application/json", `{"versions": []}`), batch.Refused, "a redirect, which is not followed"},
		{"408", plain("408 Request Timeout", "text/plain", ""), batch.Unavailable, "408 Request Timeout"},
		{"423", plain("423 Locked", "text/plain", ""), batch.Unavailable, "423 Locked"},
		{"425", plain("425 Too Early", "text/plain", ""), batch.Unavailable, "425 Too Early"},
		{"505", plain("505 HTTP Version Not Supported", "text/plain", ""), batch.Refused, "505"},
		{"429", plain("429 Too Many Requests", "application/json", `{"error_code":"APIGW.0308","error_msg":"policy user over ratelimit,limit:200,time:5 minute"}`),
			batch.Throttled, "APIGW.0308: policy user over ratelimit,limit:200,time:5 minute"},
		{"500", glance("500 Internal Server Error", "The server has either erred or is incapable of performing the requested operation."), batch.Broken, "The server has"},
		{"501", plain("501 Not Implemented", "text/plain", ""), batch.Refused, "501 Not Implemented"},
		{"502", plain("502 Bad Gateway", "text/html", "<html>bad</html>"), batch.Broken, "bad"},
		{"503", plain("503 Service Unavailable", "text/plain", ""), batch.Unavailable, "503 Service Unavailable"},
		{"504", plain("504 Gateway Timeout", "text/plain", ""), batch.Broken, "504 Gateway Timeout"},
		{"520 of a content network", plain("520 ", "text/plain", "x"), batch.Broken, "x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := &keys{}
			got := newClient(t, "http://glance.example", k, says(tt.response)).Remove(t.Context(), pair)
			if got.Meaning != tt.meaning || !strings.Contains(got.Message, tt.message) || (tt.message == "" && tt.meaning == batch.Removed && got.Message != "") {
				t.Errorf("got meaning %d, %q; want %d, %q", got.Meaning, got.Message, tt.meaning, tt.message)
			}
			if want := tt.response[9:12]; fmt.Sprint(got.Status) != want {
				t.Errorf("status %d; want %s", got.Status, want)
			}
			if strings.Contains(tt.response, "req-from-glance") != (got.RequestID == "req-from-glance") || got.RequestID == "" {
				t.Errorf("request id %q", got.RequestID)
			}
			proves := got.Meaning == batch.Removed || got.Meaning == batch.NotAMember || got.Meaning == batch.NoSuchImage || got.Meaning == batch.Forbidden
			if (k.accepted == 1) != proves {
				t.Errorf("the credential was accepted %d times by %s", k.accepted, tt.name)
			}
		})
	}
}

func TestA401HasTheCredentialRenewed(t *testing.T) {
	tests := []struct {
		name    string
		renewal error
		meaning batch.Meaning
		message string
	}{
		{"a new one is in place", nil, batch.Renewed, "This server could not verify"},
		{"there is none to be had", fmt.Errorf("%w: the token of OS_TOKEN has expired", batch.ErrUnauthorized), batch.Unauthorized, "OS_TOKEN has expired"},
		{"it is good for other requests", batch.ErrNotAllowed, batch.Forbidden,
			"this credential may not revoke shares; it needs an access rule for DELETE /v2/images/*/members/*"},
		{"Keystone is down", errors.New("keystone is down"), batch.Unavailable, "keystone is down"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := &keys{err: tt.renewal}
			c := newClient(t, "http://glance.example", k, says(glance("401 Unauthorized", "This server could not verify that you are authorized")))
			got := c.Remove(t.Context(), pair)
			if got.Meaning != tt.meaning || !strings.Contains(got.Message, tt.message) || got.Status != 401 || k.renewed != 1 || k.accepted != 0 {
				t.Errorf("got %+v after %d renewals; want meaning %d, %q", got, k.renewed, tt.meaning, tt.message)
			}
		})
	}
}

func TestWhatAMissingAnswerMeans(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	tests := []struct {
		name    string
		waiting bool // for a connection, until the error
		err     error
		meaning batch.Meaning
		message string
	}{
		{"nobody listens", true, dial(syscall.ECONNREFUSED), batch.Unreachable, "nothing was sent: cannot connect to glance.example: connection refused"},
		{"nobody listens, as the system says it", true, dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), batch.Unreachable, "cannot connect to glance.example: connection refused"},
		{"nobody answers the dial", true, dial(os.ErrDeadlineExceeded), batch.Unreachable, "nothing was sent: no connection to glance.example in time"},
		{"a resolver in trouble", true, dial(&net.DNSError{Err: "server misbehaving", Name: "glance.example"}), batch.Unreachable, "nothing was sent: cannot look up glance.example: server misbehaving"},
		{"no handshake", true, errors.New("net/http: TLS handshake timeout"), batch.Unreachable, "nothing was sent: no TLS handshake with glance.example in time"},
		{"closed within the handshake", true, io.EOF, batch.Unreachable, "nothing was sent: glance.example closed the connection"},
		{"a mistake in the set-up", true, misconfigured{}, batch.Misconfigured, "the set-up is wrong"},
		{"a mistake in the set-up that is noticed late", false, misconfigured{}, batch.Misconfigured, "the set-up is wrong"},
		{"closed", false, io.EOF, batch.Unanswered, "closed before an answer"},
		{"closed within the answer", false, io.ErrUnexpectedEOF, batch.Unanswered, "closed before an answer"},
		{"reset", false, &net.OpError{Op: "read", Net: "tcp", Addr: &net.TCPAddr{Port: 1}, Err: syscall.ECONNRESET}, batch.Unanswered, "no answer came: read: connection reset by peer"},
		{"a dial of somebody else", false, dial(syscall.ECONNREFUSED), batch.Unanswered, "no answer came"},
		{"anything else", false, errors.New("net/http: malformed chunk"), batch.Unanswered, "malformed chunk"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClient(t, "http://glance.example", &keys{}, roundTripper(func(req *http.Request) (*http.Response, error) {
				trace := httptrace.ContextClientTrace(req.Context())
				trace.GetConn("glance.example:80")
				if !tt.waiting {
					trace.GotConn(httptrace.GotConnInfo{})
				}
				return nil, tt.err
			}))
			got := c.Remove(t.Context(), pair)
			if got.Meaning != tt.meaning || !strings.Contains(got.Message, tt.message) || got.Status != 0 || !strings.HasPrefix(got.RequestID, "req-") {
				t.Errorf("got %+v; want meaning %d, %q", got, tt.meaning, tt.message)
			}
		})
	}
}

// misconfigured is an error of a transport that knows what is wrong.
type misconfigured struct{}

func (misconfigured) Error() string       { return "the set-up is wrong" }
func (misconfigured) Misconfigured() bool { return true }

// slowKeys are credentials that take until the end of the attempt.
type slowKeys struct{ keys }

func (*slowKeys) Authorize(req *http.Request) (uint64, error) {
	<-req.Context().Done()
	return 1, nil
}

// TestWhatTimeMeans: an attempt that ends before there is a connection, or a
// credential, has sent nothing. One that ends later may have.
func TestWhatTimeMeans(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts: there is no handshake, and no answer
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	host := listener.Addr().String()
	tests := []struct {
		name, endpoint string
		keys           Credentials
		meaning        batch.Meaning
		message        string
	}{
		{"no handshake", "https://" + host, &keys{}, batch.Unreachable, "nothing was sent: no connection to " + host + " within the time of one attempt"},
		{"no credential", "http://" + host, &slowKeys{}, batch.Unreachable, "nothing was sent: no credential was available within the time of one attempt"},
		{"no answer", "http://" + host, &keys{}, batch.Unanswered, "no answer within the time of one attempt"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			if got := newClient(t, tt.endpoint, tt.keys, transport).Remove(ctx, pair); got.Meaning != tt.meaning || got.Message != tt.message {
				t.Errorf("got %+v; want meaning %d, %q", got, tt.meaning, tt.message)
			}
		})
	}
}

func TestMemberLists(t *testing.T) {
	list := func(ids ...string) string {
		entries := make([]string, len(ids))
		for i, id := range ids {
			entries[i] = fmt.Sprintf(`{"member_id": %q, "image_id": %q, "status": "pending"}`, id, image)
		}
		return plain("200 OK", "application/json", `{"members": [`+strings.Join(entries, ",")+`], "schema": "/v2/schemas/members"}`)
	}
	tests := []struct {
		name, response string
		meaning        batch.Meaning
		ids            []string
		complete       bool
	}{
		{"two members", list("a", "b"), batch.Listed, []string{"a", "b"}, true},
		{"no member", list(), batch.Listed, nil, true},
		{"one other member", list("a"), batch.Listed, []string{"a"}, true},
		{"only ourselves may be a member's view", list(owner), batch.Listed, []string{owner}, false},
		{"ourselves in the other letter case", list(strings.ToUpper(owner)), batch.Listed, []string{strings.ToUpper(owner)}, false},
		{"a list of another image", strings.ReplaceAll(list("a"), image, "x"), batch.Broken, nil, false},
		{"a page", plain("200 OK", "text/html", "<html>"), batch.Broken, nil, false},
		{"JSON of something else", plain("200 OK", "application/json", `{"images": []}`), batch.Broken, nil, false},
		{"a list without an end", plain("200 OK", "application/json", `{"members": [`+strings.Repeat(" ", maxList)), batch.Broken, nil, false},
		{"no such image", glance("404 Not Found", "Image "+image+" not found."), batch.NoSuchImage, nil, false},
		{"a 404 without a reason", plain("404 Not Found", "text/plain", "no"), batch.AmbiguousNotFound, nil, false},
		{"a 404 about a member answers no read", glance("404 Not Found", member+" not found in the member list of the image "+image+"."), batch.AmbiguousNotFound, nil, false},
		{"forbidden", glance("403 Forbidden", "You are not authorized to complete get_members action."), batch.Forbidden, nil, false},
		{"private", glance("403 Forbidden", "Not allowed to list members for image "+image+": Only shared images have members."), batch.NotShared, nil, false},
		{"trouble", plain("503 Service Unavailable", "text/plain", ""), batch.Unavailable, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, a := newClient(t, "http://glance.example", &keys{}, says(tt.response)).Members(t.Context(), image, "")
			var ids []string
			for _, m := range got.Members {
				ids = append(ids, m.ID)
			}
			if a.Meaning != tt.meaning || fmt.Sprint(ids) != fmt.Sprint(tt.ids) || a.Meaning == batch.Listed && got.OwnOnly == tt.complete {
				t.Errorf("got %+v, meaning %d (%s); want %v, complete %v, meaning %d", got, a.Meaning, a.Message, tt.ids, tt.complete, tt.meaning)
			}
		})
	}
	c := newClient(t, "http://glance.example", &keys{}, says(list("a")))
	c.config.ProjectID = ""
	if got, _ := c.Members(t.Context(), image, ""); !got.OwnOnly {
		t.Error("a list of one is taken for complete by somebody who does not know who they are")
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		name, value, date string
		want              time.Duration
	}{
		{"none", "", "", 0},
		{"seconds", "120", "", 2 * time.Minute},
		{"zero", "0", "", 0},
		{"seconds among blanks", " 3 ", "", 3 * time.Second},
		{"negative", "-5", "", 0},
		{"a number beyond all bounds", "99999999999999999999999", "", longestRetryAfter},
		{"a date", "Mon, 23 Nov 2026 12:00:30 GMT", "", 30 * time.Second},
		{"a date by a server whose clock is an hour late", "Mon, 23 Nov 2026 11:00:30 GMT", "Mon, 23 Nov 2026 11:00:00 GMT", 30 * time.Second},
		{"a date that is over", "Mon, 23 Nov 2026 11:00:00 GMT", "", 0},
		{"a date far away", "Mon, 23 Nov 9999 11:00:00 GMT", "", longestRetryAfter},
		{"rubbish", "soon", "", 0},
		{"a fraction", "1.5", "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			h.Set("Retry-After", tt.value)
			h.Set("Date", tt.date)
			if got := retryAfter(h, now); got != tt.want {
				t.Errorf("retryAfter(%q) = %v; want %v", tt.value, got, tt.want)
			}
		})
	}
}

func TestAMessageIsOneShortLineWithoutSecrets(t *testing.T) {
	for _, body := range []string{
		strings.Repeat("<p>very long</p>\n", 1000),
		"X-Auth-Token: " + token,
		`{"message": "` + strings.Repeat("x", 290) + token + `"}`,
		"a\x00b\x1b[31mred\u202e\xff\u2028c",
		"<script>alert(1)</script><b>bold",
		"<<<<>>>>",
		`{"message": {"deep": 1}}`,
		`{"message": 12, "code": {}}`,
		`[1, 2`,
	} {
		got := newClient(t, "http://glance.example", &keys{}, says(plain("500 Oops", "text/html", body))).Remove(t.Context(), pair)
		if n := len([]rune(got.Message)); n == 0 || n > maxMessage+1 {
			t.Errorf("%.40q became a message of %d characters", body, n)
		}
		if strings.ContainsAny(got.Message, "\x00\x1b\r\n\t") || strings.Contains(got.Message, token[:12]) || strings.Contains(got.Message, "alert") || strings.ContainsRune(got.Message, '\u202e') {
			t.Errorf("%.40q became %q", body, got.Message)
		}
	}
}

// requestLine is what net/http writes for a request, up to the first line end.
func requestLine(t testing.TB, req *http.Request) string {
	t.Helper()
	var b bytes.Buffer
	if err := req.Write(&b); err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(b.String(), "\r\n")
	return line
}

func TestRequestsStayBelowTheEndpoint(t *testing.T) {
	for endpoint, prefix := range map[string]string{
		"http://glance.example":             "",
		"https://glance.example:9292":       "",
		"https://cloud.example/image":       "/image",
		"https://cloud.example/a%2Fb/image": "/a%2Fb/image",
		"https://cloud.example/%E9%95%9C":   "/%E9%95%9C",
	} {
		var line string
		var header http.Header
		c := newClient(t, endpoint, &keys{}, roundTripper(func(req *http.Request) (*http.Response, error) {
			line, header = requestLine(t, req), req.Header
			return nil, io.EOF
		}))
		c.Remove(t.Context(), pair)
		if want := "DELETE " + prefix + "/v2/images/" + image + "/members/" + member + " HTTP/1.1"; line != want {
			t.Errorf("%s: %s; want %s", endpoint, line, want)
		}
		if id := header.Get("X-Openstack-Request-Id"); !regexp.MustCompile(`^req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(id) {
			t.Errorf("request id %q", id)
		}
		if header.Get("Accept") != "application/json" || header.Get("User-Agent") != "imsrevoke/test" {
			t.Errorf("headers %v", header)
		}
		c.Members(t.Context(), image, "")
		if want := "GET " + prefix + "/v2/images/" + image + "/members HTTP/1.1"; line != want {
			t.Errorf("%s: %s; want %s", endpoint, line, want)
		}
		c.Members(t.Context(), image, "marker=a%2Bb")
		if want := "GET " + prefix + "/v2/images/" + image + "/members?marker=a%2Bb HTTP/1.1"; line != want {
			t.Errorf("%s: %s; want %s", endpoint, line, want)
		}
	}
}

// FuzzRequestLine holds what matters most: whatever the ids, nothing leaves but
// a request for the member that they name.
func FuzzRequestLine(f *testing.F) {
	for _, ids := range [][2]string{
		{image, member}, {image + "?", member}, {image + "#", member}, {image, ".."}, {image, "../../" + image}, {image, "."}, {image, ""},
		{"", member}, {image, "a/b"}, {image, "%2e%2e"}, {image, "x\r\nHost: y"}, {image, "a b"}, {image + "/", member}, {image, "\xff"}, {"..", ".."},
	} {
		f.Add(ids[0], ids[1])
	}
	allowed := regexp.MustCompile(`^DELETE /image/v2/images/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/members/([0-9A-Za-z_-]{1,255}) HTTP/1\.1$`)
	f.Fuzz(func(t *testing.T, imageID, memberID string) {
		var lines []string
		c := newClient(t, "http://cloud.example/image", &keys{}, roundTripper(func(req *http.Request) (*http.Response, error) {
			lines = append(lines, requestLine(t, req))
			return nil, io.EOF
		}))
		got := c.Remove(t.Context(), batch.Pair{ImageID: imageID, MemberID: memberID})
		if len(lines) == 0 {
			if got.Meaning != batch.Refused {
				t.Fatalf("nothing was sent, and the answer means %d", got.Meaning)
			}
			return
		}
		match := allowed.FindStringSubmatch(lines[0])
		if len(lines) > 1 || match == nil || match[1] != imageID || match[2] != memberID {
			t.Fatalf("%q, %q was sent as %q", imageID, memberID, lines)
		}
	})
}

func FuzzAnswers(f *testing.F) {
	f.Add(404, glance("404 Not Found", member+" not found in the member list of the image "+image+"."))
	f.Add(500, `{"error":{"message":"x","code":"IMG.0024"}}`)
	f.Add(403, "<html><head>")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 100 || status > 999 {
			return
		}
		got := newClient(t, "http://glance.example", &keys{}, says(plain(fmt.Sprintf("%03d X", status), "text/plain", body))).Remove(t.Context(), pair)
		if (got.Meaning == batch.Removed) != (status == 204) {
			t.Fatalf("%d means %d", status, got.Meaning)
		}
		if got.Meaning == batch.NotAMember && (status != 404 || !strings.Contains(strings.ToLower(body), member)) {
			t.Fatalf("%d %q is taken for a proof", status, body)
		}
		if n := len([]rune(got.Message)); n > maxMessage+100 || strings.ContainsAny(got.Message, "\r\n\x00\x1b") {
			t.Fatalf("message %q", got.Message)
		}
	})
}
