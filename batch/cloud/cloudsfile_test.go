package cloud_test

import (
	"strings"
	"testing"

	"imsrevoke/batch/cloud"
)

func TestCloudsFile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, clouds, secure string
		vars                 env
		posted               string
		endpoint, region     string
		logged               string
	}{
		{
			name: "a password with domains of two kinds",
			clouds: `
clouds:
  prod:
    region_name: RegionOne
    auth:
      auth_url: URL/v3
      username: ann
      password: s3cr3t
      user_domain_name: People
      project_name: ops
      project_domain_id: d2`,
			posted: `{"identity":{"methods":["password"],"password":{"user":{"name":"ann","password":"s3cr3t","domain":{"name":"People"}}}},
				"scope":{"project":{"name":"ops","domain":{"id":"d2"}}}}`,
			endpoint: "https://image.example.com", region: "RegionOne",
		},
		{
			name:     "an application credential whose secret is in secure.yaml",
			clouds:   "clouds: {prod: {auth_type: v3applicationcredential, auth: {auth_url: URL, application_credential_id: c1}}}",
			secure:   "clouds: {prod: {auth: {application_credential_secret: s3cr3t}}}",
			posted:   `{"identity":{"methods":["application_credential"],"application_credential":{"id":"c1","secret":"s3cr3t"}}}`,
			endpoint: "https://image.example.com", region: "RegionOne",
		},
		{
			name:     "all credentials in secure.yaml",
			clouds:   "clouds: {prod: {region_name: RegionOne}}",
			secure:   "clouds: {prod: {auth: {auth_url: URL, user_id: a1, user_domain_id: d1, password: s3cr3t, project_id: p1}}}",
			posted:   `{"identity":{"methods":["password"],"password":{"user":{"id":"a1","password":"s3cr3t"}}},"scope":{"project":{"id":"p1"}}}`,
			endpoint: "https://image.example.com", region: "RegionOne",
		},
		{
			name:     "a token with the domain of a user",
			clouds:   "clouds: {prod: {auth_type: token, auth: {auth_url: URL, token: s3cr3t, user_domain_id: d1, project_id: p1}}}",
			posted:   `{"identity":{"methods":["token"],"token":{"id":"s3cr3t"}},"scope":{"project":{"id":"p1"}}}`,
			endpoint: "https://image.example.com", region: "RegionOne",
		},
		{
			name:     "an endpoint of its own, and certificates that are not verified",
			clouds:   "clouds: {prod: {verify: false, image_endpoint_override: 'https://gate.example.com/image/v2', auth: {auth_url: URL, user_id: a1, password: s3cr3t}}}",
			posted:   `{"identity":{"methods":["password"],"password":{"user":{"id":"a1","password":"s3cr3t"}}}}`,
			endpoint: "https://gate.example.com/image", logged: "certificates are not verified",
		},
		{
			name:     "the region and the interface of the environment, where the cloud has none",
			clouds:   "clouds: {prod: {auth: {auth_url: URL, user_id: a1, password: s3cr3t}}}",
			vars:     env{"OS_REGION_NAME": "RegionOne", "OS_INTERFACE": "publicURL"},
			posted:   `{"identity":{"methods":["password"],"password":{"user":{"id":"a1","password":"s3cr3t"}}}}`,
			endpoint: "https://image.example.com", region: "RegionOne",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k, dir := newKeystone(t), t.TempDir()
			writeFile(t, dir, "openstack/clouds.yaml", strings.ReplaceAll(tt.clouds, "URL", k.URL))
			if tt.secure != "" {
				writeFile(t, dir, "openstack/secure.yaml", strings.ReplaceAll(tt.secure, "URL", k.URL))
			}
			vars := env{"OS_CLOUD": "prod", "XDG_CONFIG_HOME": dir}.with(tt.vars)
			s, logged, err := connect(t, cloud.Config{}, vars)
			if err != nil {
				t.Fatal(err)
			}
			wantPosted(t, k, tt.posted)
			if got := s.Endpoint().String(); got != tt.endpoint || s.Region() != tt.region {
				t.Errorf("endpoint %s in region %q, want %s in %q", got, s.Region(), tt.endpoint, tt.region)
			}
			if !strings.Contains(logged, tt.logged) || (tt.logged == "") != (logged == "") {
				t.Errorf("logged %q, want %q", logged, tt.logged)
			}
		})
	}
}

func TestCloudsFileInTheHomeDirectory(t *testing.T) {
	t.Parallel()
	k, home := newKeystone(t), t.TempDir()
	writeFile(t, home, ".config/openstack/clouds.yaml", "clouds: {prod: {auth: {auth_url: '"+k.URL+"', user_id: a1, password: s3cr3t}}}")
	mustConnect(t, cloud.Config{OSCloud: "prod"}, env{"HOME": home, "OS_CLOUD": "another"})
}

func TestBrokenCloudsFile(t *testing.T) {
	t.Parallel()
	const good = "clouds: {prod: {auth: {auth_url: 'https://iam.example.com', user_id: a1, password: s3cr3t}}, dev: {}}"
	tests := []struct {
		name, clouds, secure string
		cloud                string
		want                 []string
	}{
		{"a cloud that is not there", good, "", "test", []string{`cloud "test"`, "clouds.yaml, which has: dev, prod"}},
		{"a cloud without credentials", good, "", "dev", []string{`cloud "dev"`, "no auth section"}},
		{"no user", "clouds: {prod: {auth: {auth_url: 'https://iam.example.com', password: s3cr3t}}}", "", "prod", []string{"clouds.yaml (cloud prod): username or user_id is missing"}},
		{"no address", "clouds: {prod: {auth: {password: s3cr3t, user_id: a1}}}", "", "prod", []string{"clouds.yaml (cloud prod): auth_url is missing"}},
		{"a secret where a section belongs", "clouds:\n  prod:\n    auth: s3cr3t", "", "prod", []string{"clouds.yaml (cloud prod): auth is not a section"}},
		{"a secret where a switch belongs", "clouds:\n  prod:\n    auth: {password: x}\n    verify: s3cr3t", "", "prod", []string{"clouds.yaml (cloud prod): verify is neither true nor false"}},
		{"a secret that looks like an alias", "clouds: {prod: {auth: {password: *s3cr3t }}}", "", "prod", []string{"clouds.yaml is not valid"}},
		{"a broken secure.yaml", good, "clouds:\n\t{}", "prod", []string{"secure.yaml", "line 2"}},
		{"a profile that nobody has", "clouds: {prod: {profile: nowhere, auth: {user_id: a1}}}", "", "prod", []string{`profile "nowhere" is not in clouds-public.yaml`}},
		{"an authority that is not there", "clouds: {prod: {cacert: /nonexistent/ca.pem, auth: {user_id: a1}}}", "", "prod", []string{"(cloud prod): cacert", "/nonexistent/ca.pem"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := writeFile(t, dir, "clouds.yaml", tt.clouds)
			if tt.secure != "" {
				writeFile(t, dir, "secure.yaml", tt.secure)
			}
			_, _, err := connect(t, cloud.Config{OSCloud: tt.cloud}, env{"OS_CLIENT_CONFIG_FILE": file})
			wantError(t, err, tt.want...)
		})
	}
}

func TestNoCloudsFile(t *testing.T) {
	t.Parallel()
	_, _, err := connect(t, cloud.Config{OSCloud: "prod"}, env{"OS_CLIENT_CONFIG_FILE": "/nonexistent/clouds.yaml"})
	wantError(t, err, "no clouds.yaml", "/nonexistent/clouds.yaml", "OS_CLOUD")
}
