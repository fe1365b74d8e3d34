package cloud_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"imsrevoke/batch"
	"imsrevoke/batch/cloud"
	"imsrevoke/batch/imagetest"
)

// huawei is a simulated Huawei Cloud.
func huawei(t *testing.T) (*imagetest.Cloud, *imagetest.Server) {
	t.Helper()
	c := imagetest.NewCloud()
	c.Huawei = true
	server := imagetest.NewServer(c)
	t.Cleanup(server.Close)
	return c, server
}

// lookup is an access key whose project is not known.
func lookup(s *imagetest.Server) env {
	return env{
		"HUAWEICLOUD_SDK_AK": imagetest.AccessKeyID, "HUAWEICLOUD_SDK_SK": imagetest.AccessKeySecret,
		"HUAWEICLOUD_SDK_IAM_ENDPOINT": s.AuthURL, "HW_REGION_NAME": imagetest.HuaweiRegion,
	}
}

func TestTheProjectOfARegionIsLookedUp(t *testing.T) {
	t.Parallel()
	_, server := huawei(t)
	s := mustConnect(t, cloud.Config{Endpoint: server.URL}, lookup(server))
	if id, name := s.Project(); id != imagetest.ProjectID || name != imagetest.HuaweiRegion {
		t.Errorf("project %q %q, want that of the region", id, name)
	}
	if err := errors.Join(doAll(t, s)...); err != nil {
		t.Error(err)
	}
}

func TestTheProjectCannotBeLookedUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		vars    env
		setup   func(*imagetest.Cloud)
		refused bool
		want    []string
	}{
		{"a wrong secret key", env{"HUAWEICLOUD_SDK_SK": "s3cr3t"}, nil, true,
			[]string{"401 Unauthorized", "access key from HUAWEICLOUD_SDK_* variables", "verify aksk signature fail", "check the key and its secret"}},
		{"an unknown key", env{"HUAWEICLOUD_SDK_AK": "AKOTHER"}, nil, true, []string{"ak AKOTHER not exist"}},
		{"a clock that is wrong", nil, func(c *imagetest.Cloud) { c.ClockAhead = 16 * time.Minute }, true,
			[]string{"the clock of this machine is wrong", "set the clock"}},
		{"another region", env{"HW_REGION_NAME": "cn-north-1"}, nil, false, []string{"cannot look up project cn-north-1 at ", "0 projects have that name", "check --region"}},
		{"an address that is not IAM's", nil, func(c *imagetest.Cloud) {
			c.SetFaults(func(imagetest.Request) imagetest.Fault {
				return imagetest.Fault{Status: 200, ContentType: "text/html", Body: "<h1>hello</h1>"}
			})
		}, false, []string{"not a list of projects", "HUAWEICLOUD_SDK_IAM_ENDPOINT"}},
		{"IAM in trouble", nil, func(c *imagetest.Cloud) {
			c.SetFaults(func(imagetest.Request) imagetest.Fault { return imagetest.Status(503) })
		}, false, []string{"503 Service Unavailable", "retry later"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, server := huawei(t)
			if tt.setup != nil {
				tt.setup(c)
			}
			_, _, err := connect(t, cloud.Config{Endpoint: server.URL}, lookup(server).with(tt.vars))
			wantError(t, err, tt.want...)
			if errors.Is(err, batch.ErrUnauthorized) != tt.refused {
				t.Errorf("refused = %t, want %t: %v", !tt.refused, tt.refused, err)
			}
			if n := len(c.Requests()); n != 1 {
				t.Errorf("%d requests, want one", n)
			}
		})
	}
}

func TestIAMIsDown(t *testing.T) {
	t.Parallel()
	_, server := huawei(t)
	server.Close()
	_, _, err := connect(t, cloud.Config{Endpoint: server.URL}, lookup(server))
	wantError(t, err, "cannot look up project cn-north-4 at "+server.URL, "connection refused", "retry later")
	if errors.Is(err, batch.ErrUnauthorized) {
		t.Errorf("%v is taken for a refusal", err)
	}
}

func TestAnAccessKeyIsNotRenewed(t *testing.T) {
	t.Parallel()
	s := mustConnect(t, cloud.Config{Endpoint: imageAPI}, sdkKey)
	err := s.Renew(t.Context(), 1, http.MethodDelete)
	wantError(t, err, "access key from HUAWEICLOUD_SDK_* variables", "check the key and its secret")
	if !errors.Is(err, batch.ErrUnauthorized) {
		t.Errorf("error %v, want batch.ErrUnauthorized", err)
	}
}

// agency is the configuration of a cloud server that has an agency.
func agency(s *imagetest.Server) cloud.Config {
	return cloud.Config{Endpoint: s.URL, Region: imagetest.HuaweiRegion, Metadata: s.URL}
}

func TestTheKeyOfACloudServer(t *testing.T) {
	t.Parallel()
	c, server := huawei(t)
	c.AgencyKeys = time.Hour
	s := mustConnect(t, agency(server), env{"HUAWEICLOUD_SDK_IAM_ENDPOINT": server.AuthURL})
	if s.Method() != "access key from the metadata service" {
		t.Errorf("used %q", s.Method())
	}
	if id, _ := s.Project(); id != imagetest.ProjectID {
		t.Errorf("project %q", id)
	}
	if err := errors.Join(doAll(t, s)...); err != nil {
		t.Error(err)
	}
	if n := c.Stats().KeysIssued; n != 1 {
		t.Errorf("%d keys issued, want one", n)
	}
	// One that is refused all the same is replaced, by another one.
	before := signed(t, s).Header.Get("X-Security-Token")
	if err := s.Renew(t.Context(), 1, http.MethodDelete); err != nil || signed(t, s).Header.Get("X-Security-Token") == before {
		t.Errorf("error %v, want another key", err)
	}
}

func TestACloudServerWithoutAKey(t *testing.T) {
	t.Parallel()
	c, server := huawei(t)
	_, _, err := connect(t, agency(server), nil)
	wantError(t, err, "set HUAWEICLOUD_SDK_PROJECT_ID or HUAWEICLOUD_SDK_IAM_ENDPOINT")
	iam := env{"HUAWEICLOUD_SDK_IAM_ENDPOINT": server.AuthURL}

	_, _, err = connect(t, agency(server), iam)
	wantError(t, err, "no credentials: looked for", "OS_CLOUD", "and the metadata service at "+server.URL+" has no access key", "give this server an agency")

	forced := agency(server)
	forced.Auth = cloud.AuthAKSK
	_, _, err = connect(t, forced, iam)
	wantError(t, err, "no access key: looked for HUAWEICLOUD_SDK_AK", "give this server an agency")

	c.SetFaults(func(imagetest.Request) imagetest.Fault { return imagetest.Status(500) })
	_, _, err = connect(t, forced, iam)
	wantError(t, err, "answered 500 Internal Server Error")

	server.Close()
	_, _, err = connect(t, forced, iam)
	wantError(t, err, "the metadata service at", "cannot be reached", "connection refused")
}

func TestMetadataServices(t *testing.T) {
	t.Parallel()
	const key = `{"credential":{"access":"AK","secret":"s3cr3t","securitytoken":"s3cr3t-t","expires_at":"2999-01-08T06:26:08.123059Z"}}`
	tests := []struct {
		name          string
		sessionStatus int
		session, body string
		wantSession   string
		wantErr       string
	}{
		{"with sessions", 200, "s3cr3t-session\n", key, "s3cr3t-session", ""},
		{"without sessions", 404, "<html>no</html>", key, "", ""},
		{"that do not take a PUT", 405, "", key, "", ""},
		{"that have no session now", 503, "", key, "", ""},
		{"that send no JSON", 404, "", "s3cr3t", "", "no usable access key"},
		{"that do not tell the end", 404, "", `{"credential":{"access":"AK","secret":"s3cr3t"}}`, "", "no usable access key"},
		{"that send half a key", 404, "", strings.Replace(key, `"AK"`, `""`, 1), "", "only one of access and secret is set"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var session, ttl string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch r.Method + " " + r.URL.Path {
				case "PUT /meta-data/latest/api/token":
					ttl = r.Header.Get("X-Metadata-Token-Ttl-Seconds")
					w.WriteHeader(tt.sessionStatus)
					w.Write([]byte(tt.session))
				case "GET /openstack/latest/securitykey":
					session = r.Header.Get("X-Metadata-Token")
					w.Write([]byte(tt.body))
				}
			}))
			t.Cleanup(server.Close)
			s, _, err := connect(t, cloud.Config{Auth: cloud.AuthAKSK, Endpoint: imageAPI, Metadata: server.URL}, env{"HW_PROJECT_ID": "p1"})
			if tt.wantErr != "" {
				wantError(t, err, tt.wantErr)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if session != tt.wantSession || ttl != "21600" {
				t.Errorf("asked in session %q of %s seconds, want %q", session, ttl, tt.wantSession)
			}
			if h := signed(t, s).Header; h.Get("X-Security-Token") != "s3cr3t-t" || h.Get("X-Project-Id") != "p1" {
				t.Errorf("headers %v", h)
			}
		})
	}
}
