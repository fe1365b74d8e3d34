package imageapi

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"strings"

	"imsrevoke/batch/redact"
)

// requestIDHeader carries the id that a request has in the logs of the
// services. Glance takes over the one that the client sends, of at most 64
// characters, and answers 500 to a longer one.
const requestIDHeader = "X-Openstack-Request-Id"

// newRequestID makes an id of the form that OpenStack's services make
// themselves, req- and a UUID. It has to be unique, not secret.
func newRequestID() string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], rand.Uint64())
	binary.BigEndian.PutUint64(b[8:], rand.Uint64())
	b[6] = b[6]&0x0f | 0x40 // version 4, RFC 9562
	b[8] = b[8]&0x3f | 0x80
	var digits [32]byte
	hex.Encode(digits[:], b[:])
	id := make([]byte, 0, len("req-")+36)
	id = append(append(id, "req-"...), digits[:8]...)
	id = append(append(id, '-'), digits[8:12]...)
	id = append(append(id, '-'), digits[12:16]...)
	id = append(append(id, '-'), digits[16:20]...)
	id = append(append(id, '-'), digits[20:]...)
	return string(id)
}

// requestIDOf is the id under which the server knows an exchange: its own word
// for it, if that looks like an id, or else the one that it was sent.
func requestIDOf(req *http.Request, resp *http.Response) string {
	if resp != nil {
		for _, name := range [...]string{requestIDHeader, "X-Request-Id"} {
			id := first(resp.Header, name)
			if !isRequestID(id) {
				continue
			}
			if secrets := secretsOf(req); redact.Text(id, secrets[:]...) == id {
				return id
			}
		}
	}
	return first(req.Header, requestIDHeader)
}

// isRequestID reports whether a server's word is an id, and not something for the
// spreadsheet, the terminal or the page that shows it.
func isRequestID(id string) bool {
	if len(id) == 0 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i == 0 || strings.IndexByte("._:-", c) < 0:
			return false
		}
	}
	return true
}

// first is h.Get for a name in the form in which headers have it.
func first(h http.Header, name string) string {
	if values := h[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}
