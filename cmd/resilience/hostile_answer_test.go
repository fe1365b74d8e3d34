package resilience

import (
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"imsrevoke/batch"
	"imsrevoke/cmd/internal/exit"
)

const (
	trickle   = 20 * time.Millisecond
	chunked   = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
	plain404  = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	okChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
)

// hostileAnswers are answers that no Image API gives.
var hostileAnswers = []struct {
	name    string
	answer  func(c *hostileConn)
	outcome batch.Outcome
	message string
	// onlyList gives the answer to requests for a list; a DELETE gets a 404
	// that leads there.
	onlyList bool
	// hangs says that only the time of an attempt ends the answer.
	hangs bool
}{
	{name: "an endless 404", outcome: batch.NotFound, message: "xxxx",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 404 Not Found\r\n\r\n")
			c.forever(strings.Repeat("x", 16<<10))
		}},
	{name: "an endless 404 in chunks", outcome: batch.NotFound, message: "xxxx",
		answer: func(c *hostileConn) { c.write(chunked); c.forever("4000\r\n" + strings.Repeat("x", 16<<10) + "\r\n") }},
	{name: "an endless 204", outcome: batch.Revoked,
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 204 No Content\r\n\r\n")
			c.forever(strings.Repeat("x", 16<<10))
		}},
	{name: "an endless 200", outcome: batch.Unknown, message: "this may be no Image API",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 200 OK\r\n\r\n"); c.forever(strings.Repeat("x", 16<<10)) }},
	{name: "an endless list of members", onlyList: true, outcome: batch.NotFound, message: "the member list is longer than",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 200 OK\r\n\r\n{\"members\": [")
			c.forever(strings.Repeat(`{"image_id": "00000000-0000-4000-8000-000000000000", "member_id": "x"},`, 1<<10))
		}},
	{name: "a list of endless white space", onlyList: true, outcome: batch.NotFound, message: "the member list is longer than",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 200 OK\r\n\r\n"); c.forever(strings.Repeat(" ", 16<<10)) }},
	{name: "a list of one endless id", onlyList: true, outcome: batch.NotFound, message: "the member list is longer than",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 200 OK\r\n\r\n{\"members\": [{\"member_id\": \"")
			c.forever(strings.Repeat("y", 16<<10))
		}},
	{name: "a list that is nested without end", onlyList: true, outcome: batch.NotFound, message: "not a member list",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 200 OK\r\n\r\n"); c.forever(strings.Repeat("[", 16<<10)) }},
	{name: "a list that comes a byte at a time", onlyList: true, hangs: true, outcome: batch.NotFound, message: "did not arrive within the time of one attempt",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 200 OK\r\n\r\n")
			for !c.gone {
				c.write(" ")
				time.Sleep(trickle)
			}
		}},
	{name: "a list with a huge number", onlyList: true, outcome: batch.NotFound, message: "not a member list",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 200 OK\r\n\r\n{\"members\": [{\"member_id\": 1" + strings.Repeat("0", 64<<10) + "}]}")
		}},
	{name: "a list that is cut", onlyList: true, outcome: batch.NotFound, message: "the member list is cut short",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"members\": [") }},
	{name: "a list with malformed chunks", onlyList: true, outcome: batch.NotFound, message: "malformed chunk",
		answer: func(c *hostileConn) { c.write(okChunked + "c\r\n{\"members\": [\r\nzz\r\n]}") }},
	{name: "a list that is longer than its length", onlyList: true, outcome: batch.NotFound, message: "the member list is cut short",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{\"members\": []}") }},
	{name: "a 404 that is nested deeply", outcome: batch.NotFound, message: "[[[[",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 404 Not Found\r\n\r\n" + strings.Repeat("[", 64<<10)) }},
	{name: "a 404 of nested objects", outcome: batch.NotFound, message: `{"a":{"a":`,
		answer: func(c *hostileConn) { c.write("HTTP/1.1 404 Not Found\r\n\r\n" + strings.Repeat(`{"a":`, 64<<10/5)) }},
	{name: "a 404 with malformed chunks", outcome: batch.NotFound, message: "hello",
		answer: func(c *hostileConn) { c.write(chunked + "5\r\nhello\r\nffffffffffffffffffff\r\nx") }},
	{name: "a 404 that is shorter than its length", outcome: batch.NotFound, message: "short",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 404 Not Found\r\nContent-Length: 5000\r\n\r\nshort") }},
	{name: "a 404 that is longer than its length", outcome: batch.NotFound, message: "long",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nlonger") }},
	{name: "a 404 that comes a byte at a time", hangs: true, outcome: batch.NotFound, message: "slow",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 404 Not Found\r\n\r\nslow")
			for !c.gone {
				c.write(" ")
				time.Sleep(trickle)
			}
		}},
	{name: "a header of 2 MB", outcome: batch.Unknown, message: "headers exceeded",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 204 No Content\r\n")
			for range 2 << 10 {
				c.write("X-Bomb: " + strings.Repeat("b", 1<<10) + "\r\n")
			}
			c.write("\r\n")
		}},
	{name: "a status line of 2 MB", outcome: batch.Unknown, message: "headers exceeded",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 204 ")
			c.write(strings.Repeat("b", 2<<20))
			c.write("\r\n\r\n")
		}},
	{name: "headers that come a byte at a time", hangs: true, outcome: batch.Unknown, message: "no answer within the time of one attempt",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 204 No Content\r\nX: ")
			for !c.gone {
				c.write("x")
				time.Sleep(trickle)
			}
		}},
	{name: "a storm of 100 Continue", outcome: batch.Unknown, message: "no answer",
		answer: func(c *hostileConn) { c.forever(strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100)) }},
	{name: "a storm of early hints", outcome: batch.Unknown, message: "no answer",
		answer: func(c *hostileConn) { c.forever(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", 100)) }},
	{name: "a switch of protocols", outcome: batch.Unknown, message: "101 Switching Protocols",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
			c.hang()
		}},
	{name: "no answer at all", hangs: true, outcome: batch.Unknown, message: "no answer within the time of one attempt",
		answer: func(c *hostileConn) { c.hang() }},
	{name: "something that is not HTTP", outcome: batch.Unknown, message: "malformed HTTP",
		answer: func(c *hostileConn) { c.write("220 ftp.example.com ready\r\n") }},
	{name: "bare text, as HTTP/0.9 had it", outcome: batch.Unknown, message: "malformed HTTP",
		answer: func(c *hostileConn) { c.write("<html>hello</html>\n") }},
	{name: "a status of 999", outcome: batch.Unknown, message: "odd",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 999 Odd\r\n\r\nodd") }},
	{name: "a status of 000", outcome: batch.Unknown, message: "this may be no Image API",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 000 None\r\n\r\n") }},
	{name: "a status of four digits", outcome: batch.Unknown, message: "malformed HTTP",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 2040 No Content\r\n\r\n") }},
	{name: "two lengths", outcome: batch.Unknown, message: "Content-Length",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nhello")
		}},
	{name: "two pauses and two ids", outcome: batch.NotFound, message: "hello",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 404 Not Found\r\nX-Openstack-Request-Id: a\r\nX-Openstack-Request-Id: b\r\nRetry-After: 1\r\nRetry-After: x\r\n\r\nhello")
		}},
	{name: "a binary body", outcome: batch.NotFound, message: "a",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 404 Not Found\r\n\r\na\x00\x01\x7f\xff\xfe\x9b\x1b]0;b\x07") }},
	{name: "escapes for a terminal in the body", outcome: batch.Rejected, message: "red",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 400 Bad Request\r\n\r\n{\"message\": \"\\u001b[31mred\\u001b]0;title\\u0007\\u202e\\u2028\"}")
		}},
	{name: "escapes for a terminal in the status line of a success", outcome: batch.Unknown, message: "this may be no Image API",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 202 \x1b[31mred\x1b]0;title\x07\u202e\r\n\r\n") }},
	{name: "escapes for a terminal in the status line of a refusal", outcome: batch.Rejected, message: "451 [31mred",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 451 \x1b[31mred\x1b]0;title\x07\u202e\r\nLocation: /\r\n\r\n") }},
	{name: "escapes for a terminal in the headers", outcome: batch.Unknown, message: "malformed MIME header",
		answer: func(c *hostileConn) {
			c.write("HTTP/1.1 400 Bad\r\nX-Openstack-Request-Id: \x1b[31mred\r\nContent-Type: \x1b[31m\r\n\r\nhello")
		}},
	{name: "a status line of many words", outcome: batch.Rejected, message: "451 word word",
		answer: func(c *hostileConn) { c.write("HTTP/1.1 451 " + strings.Repeat("word ", 10<<10) + "\r\n\r\n") }},
}

// TestHostileAnswers: whatever an endpoint answers, the run ends, its message
// is short and printable, and only 204 is taken for a success.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	// What net/http has to say of them does not help to read a test's output.
	log.SetOutput(io.Discard)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	for _, tt := range hostileAnswers {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, 1, 1)
			server := startHostileServer(t, func(c *hostileConn, r *http.Request) {
				if tt.onlyList && r.Method == http.MethodDelete {
					c.write(plain404)
					return
				}
				tt.answer(c)
			})
			s.endpoint = server.url
			patience := "20s"
			if tt.hangs {
				patience = "300ms"
			}
			run := s.run("--attempts", "1", "--attempt-timeout", patience, "--log-level", "debug")
			want := exit.Unsettled
			if tt.outcome == batch.Revoked {
				want = exit.Settled
			}
			run.expect(t, want)
			row := s.rows(t)[0]
			if row.outcome != tt.outcome || !strings.Contains(row.message, tt.message) {
				t.Errorf("the row is %s, %q; want %s, %q", row.outcome, row.message, tt.outcome, tt.message)
			}
			// Two messages of the server's, each with some words of ours.
			if n := len([]rune(row.message)); n > 1000 {
				t.Errorf("the message has %d characters", n)
			}
			checkPrintable(t, "standard error", run.stderr)
			for _, name := range []string{s.report(), s.journal()} {
				text, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				checkPrintable(t, filepath.Base(name), string(text))
			}
			// What the system's buffers take in comes on top of what is read.
			if n := server.requests.Load(); n > 2 || server.sent.Load() > n*(24<<20) {
				t.Errorf("%d requests, and %d bytes in answer", n, server.sent.Load())
			}
		})
	}
}

// TestHostileAnswersAreNotLogged: what a server sends unasked, which net/http
// writes to the log of the process, does not show on standard error.
func TestHostileAnswersAreNotLogged(t *testing.T) {
	t.Parallel()
	s := newSite(t, 1, 20)
	s.endpoint = startHostileServer(t, func(c *hostileConn, _ *http.Request) {
		c.write("HTTP/1.1 204 No Content\r\n\r\nunasked")
		c.hang()
	}).url
	if run := s.runProcess(t, "imsrevoke", s.args()...); run.code != exit.Settled || run.stderr != "" {
		t.Errorf("exit code %d, standard error: %s", run.code, run.stderr)
	}
}

// checkPrintable reports what a terminal would not just show.
func checkPrintable(t *testing.T, where, text string) {
	t.Helper()
	for i, r := range text {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			t.Errorf("%s holds %U: %.200q", where, r, text[max(0, i-20):])
			return
		}
	}
}
