package cloud

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestKeystonesWordsHoldNoToken: an error of net/http quotes what the server has
// sent, which may be the new token.
func TestKeystonesWordsHoldNoToken(t *testing.T) {
	t.Parallel()
	const token = "gAAAAABlYw9q0123456789abcdefGHIJ"
	for _, header := range []string{"X-Subject-Token " + token, "X Subject Token: " + token, " " + token, "Content-Length: " + token} {
		address := saysRaw(t, "HTTP/1.1 201 Created\r\n"+header+"\r\n\r\n")
		vars := env{"OS_AUTH_URL": "http://" + address, "OS_USER_ID": "a1", "OS_PASSWORD": "s3cr3t"}
		_, err := Connect(t.Context(), Config{Getenv: vars.get, Logger: slog.New(slog.DiscardHandler)})
		if err == nil || strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: error %v", header, err)
		}
	}
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
				if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					io.Copy(io.Discard, r.Body)
					io.WriteString(conn, answer)
				}
			}()
		}
	}()
	return listener.Addr().String()
}
