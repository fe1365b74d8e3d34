package cloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// metadataAddress is where a cloud server asks about itself.
	metadataAddress = "http://169.254.169.254"
	// metadataTimeout is generous to a service in the same host, and keeps
	// those short who are not on a cloud server.
	metadataTimeout = 3 * time.Second
	// maxMetadata is far more than a key with its security token.
	maxMetadata = 64 << 10
)

// metadata is the metadata service of an Elastic Cloud Server. To a server with
// an agency it gives temporary access keys.
// https://support.huaweicloud.com/intl/en-us/usermanual-ecs/ecs_03_0166.html
type metadata struct {
	address string
	client  http.Client
}

// newMetadata asks at an address, directly: no proxy may see a key.
func newMetadata(address string) *metadata {
	if address == "" {
		address = metadataAddress
	}
	return &metadata{strings.TrimRight(address, "/"), newClient(&http.Transport{
		DialContext:       (&net.Dialer{Timeout: metadataTimeout}).DialContext,
		DisableKeepAlives: true, // there are hours between two keys
	}, metadataTimeout)}
}

// key asks for a key, and tells when it ends.
func (m *metadata) key(ctx context.Context) (accessKey, time.Time, error) {
	session, err := m.session(ctx)
	if err != nil {
		return accessKey{}, time.Time{}, err
	}
	status, body, err := m.ask(ctx, http.MethodGet, "/openstack/latest/securitykey", "X-Metadata-Token", session)
	switch {
	case err != nil:
		return accessKey{}, time.Time{}, err
	case status == http.StatusNotFound:
		return accessKey{}, time.Time{}, fmt.Errorf("the metadata service at %s has no access key; give this server an agency", m.address)
	case status != http.StatusOK:
		return accessKey{}, time.Time{}, fmt.Errorf("the metadata service at %s answered %s", m.address, statusOf(status))
	}
	var answer struct {
		Credential struct {
			Access        string `json:"access"`
			Secret        string `json:"secret"`
			SecurityToken string `json:"securitytoken"`
			ExpiresAt     moment `json:"expires_at"`
		} `json:"credential"`
	}
	// The error of json is left out: it could show a part of the key.
	got := &answer.Credential
	if json.Unmarshal(body, &answer) != nil || got.ExpiresAt.IsZero() {
		return accessKey{}, time.Time{}, fmt.Errorf("the metadata service at %s sent no usable access key", m.address)
	}
	found := foundKey{from: "the metadata service at " + m.address, accessKey: accessKey{
		id: got.Access, secret: Secret(got.Secret), securityToken: Secret(got.SecurityToken),
	}}
	return found.accessKey, got.ExpiresAt.Time, found.check("access", "secret", "securitytoken")
}

// session returns the token of a session, which servers can be set to demand.
// It is empty where the service does not know sessions.
func (m *metadata) session(ctx context.Context) (string, error) {
	status, body, err := m.ask(ctx, http.MethodPut, "/meta-data/latest/api/token", "X-Metadata-Token-Ttl-Seconds", "21600")
	token := strings.TrimSpace(string(body))
	if err != nil || status != http.StatusOK || checkToken(token) != nil {
		return "", err
	}
	return token, nil
}

// ask makes one request, with one header where it has a value.
func (m *metadata) ask(ctx context.Context, method, path, header, value string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, m.address+path, nil)
	if err != nil {
		return 0, nil, err
	}
	if value != "" {
		req.Header.Set(header, value)
	}
	resp, err := m.client.Do(req)
	if err != nil {
		return 0, nil, fmt.Errorf("the metadata service at %s cannot be reached: %w", m.address, &networkError{errors.Unwrap(err)})
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, maxMetadata))
	if err != nil {
		return 0, nil, fmt.Errorf("the metadata service at %s: %w", m.address, &networkError{err})
	}
	return resp.StatusCode, body, nil
}
