package imagetest

import (
	"crypto/rand"
	"net/http"
	"time"
)

// The paths of the metadata service of a cloud server, at the server's root.
const (
	metadataTokenPath = "/meta-data/latest/api/token"
	metadataKeyPath   = "/openstack/latest/securitykey"
)

// serveMetadata answers as the metadata service of an Elastic Cloud Server that
// demands sessions.
func (c *Cloud) serveMetadata(r *http.Request, path string) answer {
	switch {
	case r.Method == http.MethodPut && path == metadataTokenPath:
		if r.Header.Get("X-Metadata-Token-Ttl-Seconds") == "" {
			return document(http.StatusBadRequest, nil)
		}
		token := rand.Text()
		c.metadataTokens[token] = struct{}{}
		return answer{status: http.StatusOK, header: http.Header{"Content-Type": {"text/plain"}}, body: []byte(token)}
	case r.Method != http.MethodGet || path != metadataKeyPath:
		return document(http.StatusMethodNotAllowed, nil)
	}
	if _, ok := c.metadataTokens[r.Header.Get("X-Metadata-Token")]; !ok {
		return document(http.StatusUnauthorized, nil)
	}
	if c.AgencyKeys == 0 {
		return document(http.StatusNotFound, nil)
	}
	k := c.issueKey()
	return document(http.StatusOK, map[string]any{"credential": map[string]any{
		"access": k.ID, "secret": k.Secret, "securitytoken": k.SecurityToken,
		"expires_at": k.Expires.UTC().Format(time.RFC3339Nano),
	}})
}
