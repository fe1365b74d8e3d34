package imagetest_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"imsrevoke/batch/imagetest"
)

func TestTheGatewayAnswersForPathsAndTokens(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.Huawei = true
	good := c.IssueToken(imagetest.ProjectID, 0)
	expired := c.IssueToken(imagetest.ProjectID, -time.Second)
	const wrongPath = `{"error_msg":"The API does not exist or has not been published in the environment","error_code":"APIGW.0101"`
	tests := []struct {
		name, path, token string
		status            int
		body              string // part of it
	}{
		{"a good token", memberPath(imageA, memberA), good, 404, "Image " + imageA + " not found."},
		{"an expired token", memberPath(imageA, memberA), expired, 401, `"error_code":"APIGW.0307"`},
		{"what is no token", memberPath(imageA, memberA), "x", 401, `decrypt token fail","error_code":"APIGW.0301"`},
		{"a version twice", "/v2" + memberPath(imageA, memberA), good, 404, wrongPath},
		{"a path of another service", "/v1/servers", good, 404, wrongPath},
		{"the list of versions", "/", "", 300, `"versions"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if e := call(t, c, http.MethodGet, tt.path, tt.token, ""); e.status != tt.status || !strings.Contains(e.body, tt.body) {
				t.Errorf("%d %s, want %d with %s", e.status, e.body, tt.status, tt.body)
			}
		})
	}
}

func TestProjectsAreListedToWhoeverTheyAreOf(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.Huawei = true
	token := c.IssueToken("cn-north-4", 0)
	const path = imagetest.IdentityPath + "/projects"
	tests := []struct {
		name, query, token string
		status             int
		body               string // part of it
	}{
		{"by name", "?name=cn-north-4", token, 200, `"name":"cn-north-4"`},
		{"all", "", token, 200, `"name":"cn-north-4"`},
		{"by the name of another", "?name=cn-north-1", token, 200, `"projects":[]`},
		{"without a token", "", "", 401, "APIGW.0301"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if e := call(t, c, http.MethodGet, path+tt.query, tt.token, ""); e.status != tt.status || !strings.Contains(e.body, tt.body) {
				t.Errorf("%d %s, want %d with %s", e.status, e.body, tt.status, tt.body)
			}
		})
	}
	if e := call(t, imagetest.NewCloud(), http.MethodGet, path, "", ""); e.status != 401 {
		t.Errorf("%d of a Keystone that was sent no token, want 401", e.status)
	}
}

func TestMetadataService(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := imagetest.NewCloud()
		c.Huawei = true
		const keyPath = "/openstack/latest/securitykey"
		if e := call(t, c, http.MethodGet, keyPath, "", ""); e.status != 401 {
			t.Errorf("%d without a session, want 401", e.status)
		}
		session := call(t, c, http.MethodPut, "/meta-data/latest/api/token", "", "", "X-Metadata-Token-Ttl-Seconds", "21600")
		key := func() exchange {
			return call(t, c, http.MethodGet, keyPath, "", "", "X-Metadata-Token", session.body)
		}
		if e := key(); e.status != 404 {
			t.Errorf("%d without an agency, want 404", e.status)
		}
		c.AgencyKeys = time.Hour
		var got struct {
			Credential struct {
				Access, Secret, SecurityToken string
				ExpiresAt                     time.Time `json:"expires_at"`
			}
		}
		if e := key(); e.status != 200 || json.Unmarshal([]byte(e.body), &got) != nil {
			t.Fatalf("%d %s", e.status, e.body)
		}
		k := got.Credential
		if k.Access == "" || k.Secret == "" || k.SecurityToken == "" || time.Until(k.ExpiresAt) != time.Hour {
			t.Errorf("got %+v, want a key for an hour", k)
		}
		if stats := c.Stats(); stats.KeysIssued != 1 || stats.Requests != 0 {
			t.Errorf("%d keys issued and %d requests to the Image API, want 1 and none", stats.KeysIssued, stats.Requests)
		}
	})
}
