package imageapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"imsrevoke/batch"
)

// longToken is as long as Keystone's tokens are.
var longToken = "gAAAAABlYw9q" + strings.Repeat("0123456789abcdefGHIJ", 10)

// longKey authorises requests with longToken.
type longKey struct{ keys }

func (*longKey) Authorize(req *http.Request) (uint64, error) {
	req.Header.Set("X-Auth-Token", longToken)
	return 1, nil
}

// TestNoServerGetsTheTokenIntoAnAnswer lets servers show the token that they
// were sent, in all places of which something is taken over.
func TestNoServerGetsTheTokenIntoAnAnswer(t *testing.T) {
	t.Parallel()
	page := "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"
	// The message begins less than a token before the end of what is read.
	cut := "<p>" + strings.Repeat(" ", maxErrorBody-100) + "X-Auth-Token: " + longToken + "</p>"
	list := `{"members": [{"image_id": "` + image + `", "member_id": "%s", "member_type": "%s"}]}`
	for name, answer := range map[string]string{
		"a header without a colon": "HTTP/1.1 404 Not Found\r\nX-Auth-Token " + longToken + "\r\n\r\n",
		"a header with a blank":    "HTTP/1.1 404 Not Found\r\nX Auth Token: " + longToken + "\r\n\r\n",
		"the first header":         "HTTP/1.1 404 Not Found\r\n " + longToken + "\r\n\r\n",
		"the status line":          "HTTP/1.1 302 " + longToken + "\r\nContent-Length: 0\r\n\r\n",
		"the version":              longToken + " 200 OK\r\n\r\n",
		"the status":               "HTTP/1.1 " + longToken + "\r\n\r\n",
		"the length":               "HTTP/1.1 200 OK\r\nContent-Length: " + longToken + "\r\n\r\n",
		"the body":                 fmt.Sprintf(page, len(longToken), longToken),
		"the end of the body":      fmt.Sprintf(page, len(cut), cut),
		"the id of the request":    "HTTP/1.1 204 No Content\r\nX-Request-Id: " + longToken[:60] + "\r\n\r\n",
		"the member":               okList(fmt.Sprintf(list, longToken, "domain")),
		"the type":                 okList(fmt.Sprintf(list, "m", longToken)),
		"the image":                okList(strings.ReplaceAll(fmt.Sprintf(list, "m", ""), image, longToken)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := &http.Transport{DisableKeepAlives: true}
			c := newClient(t, "http://"+saysRaw(t, answer), &longKey{}, transport)
			page, listed := c.Members(t.Context(), image, "")
			removed := c.Remove(t.Context(), pair)
			for _, text := range append(listIDs(page), listed.Message, listed.RequestID, removed.Message, removed.RequestID) {
				if strings.Contains(text, longToken[:30]) {
					t.Errorf("%q shows the token", text)
				}
			}
		})
	}
}

func okList(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func listIDs(page batch.Page) []string {
	var texts []string
	for _, m := range page.Members {
		texts = append(texts, m.ID, string(m.Type))
	}
	return append(texts, page.Gap)
}

// saysRaw starts a server that answers the first request of each connection with
// these bytes.
func saysRaw(t *testing.T, answer string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					io.WriteString(conn, answer)
				}
			}()
		}
	}()
	return listener.Addr().String()
}
