package imagetest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/config"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/members"

	"imsrevoke/batch/imagetest"
)

const (
	passwordByName = `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":%q,"domain":{"name":%q},"password":%q}}}}}`
	appCredential  = `{"auth":{"identity":{"methods":["application_credential"],"application_credential":{"id":%q,"secret":%q}}}}`
	tokenScoped    = `{"auth":{"identity":{"methods":["token"],"token":{"id":%q}},"scope":{"project":{"id":%q}}}}`
)

func authenticate(t *testing.T, c *imagetest.Cloud, body string) exchange {
	t.Helper()
	return call(t, c, "POST", imagetest.IdentityPath+"/auth/tokens", "", body)
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	valid := c.IssueToken(imagetest.ProjectID, 0)
	expired := c.IssueToken(imagetest.ProjectID, -time.Second)
	scoped := func(project string) string {
		body := fmt.Sprintf(passwordByName, imagetest.UserName, imagetest.DomainName, imagetest.Password)
		return strings.TrimSuffix(body, "}}") + `,"scope":{"project":` + project + `}}}`
	}
	tests := []struct {
		name, body string
		status     int
	}{
		{"a password", fmt.Sprintf(passwordByName, imagetest.UserName, imagetest.DomainName, imagetest.Password), 201},
		{"a password and the project's name", scoped(`{"name":"images","domain":{"id":"default"}}`), 201},
		{"a password and the project's id", scoped(`{"id":"` + imagetest.ProjectID + `"}`), 201},
		{"an application credential", fmt.Sprintf(appCredential, imagetest.AppCredentialID, imagetest.AppCredentialSecret), 201},
		{"a token", fmt.Sprintf(tokenScoped, valid, imagetest.ProjectID), 201},
		{"a wrong password", fmt.Sprintf(passwordByName, imagetest.UserName, imagetest.DomainName, "x"), 401},
		{"a wrong user", fmt.Sprintf(passwordByName, "x", imagetest.DomainName, imagetest.Password), 401},
		{"a wrong domain", fmt.Sprintf(passwordByName, imagetest.UserName, "x", imagetest.Password), 401},
		{"another project", scoped(`{"name":"x","domain":{"id":"default"}}`), 401},
		{"a wrong secret", fmt.Sprintf(appCredential, imagetest.AppCredentialID, "x"), 401},
		{"a wrong application credential", fmt.Sprintf(appCredential, "x", imagetest.AppCredentialSecret), 401},
		{"an expired token", fmt.Sprintf(tokenScoped, expired, imagetest.ProjectID), 401},
		{"a token for another project", fmt.Sprintf(tokenScoped, valid, stranger), 401},
		{"no method", `{"auth":{"identity":{"methods":[]}}}`, 401},
		{"a method of its own", `{"auth":{"identity":{"methods":["handshake"]}}}`, 401},
		{"no JSON", `{`, 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			e := authenticate(t, c, tt.body)
			if e.status != tt.status {
				t.Fatalf("status %d, want %d (%s)", e.status, tt.status, e.body)
			}
			token := e.header.Get("X-Subject-Token")
			if (token != "") != (tt.status == 201) {
				t.Errorf("token %q with a %d", token, e.status)
			}
			if tt.status == 401 {
				want := `{"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}`
				if e.body != want {
					t.Errorf("body %s, want %s", e.body, want)
				}
			}
			if tt.status == 201 {
				if e := call(t, c, "DELETE", memberPath(imageA, memberA), token, ""); e.status != 404 {
					t.Errorf("the Image API does not take the token: %d", e.status)
				}
			}
		})
	}
}

func TestTokenBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := imagetest.NewCloud()
		c.TokenLifetime = time.Minute
		c.CatalogURL = "/image/v2"
		e := authenticate(t, c, fmt.Sprintf(appCredential, imagetest.AppCredentialID, imagetest.AppCredentialSecret))

		type entity struct{ ID, Name string }
		type endpoint struct{ Interface, Region, URL string }
		type body struct {
			Token struct {
				Methods []string
				Expires string `json:"expires_at"`
				Project entity
				User    entity
				Roles   []entity
				Catalog []struct {
					Type      string
					Endpoints []endpoint
				}
			}
		}
		var got, want body
		if err := json.Unmarshal([]byte(e.body), &got); err != nil {
			t.Fatal(err)
		}
		want.Token.Methods = []string{"application_credential"}
		want.Token.Expires = "2000-01-01T00:01:00.000000Z"
		want.Token.Project = entity{imagetest.ProjectID, imagetest.ProjectName}
		want.Token.User = entity{"user-" + imagetest.UserName, imagetest.UserName}
		want.Token.Roles = []entity{{"role-member", "member"}, {"role-reader", "reader"}}
		want.Token.Catalog = got.Token.Catalog
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if len(got.Token.Catalog) == 0 || got.Token.Catalog[0].Type != "image" {
			t.Fatalf("catalog %+v", got.Token.Catalog)
		}
		const url = "http://cloud.test/image/v2"
		endpoints := []endpoint{
			{"public", imagetest.Region, url}, {"internal", imagetest.Region, url}, {"admin", imagetest.Region, url},
		}
		if diff := cmp.Diff(endpoints, got.Token.Catalog[0].Endpoints); diff != "" {
			t.Error(diff)
		}
	})
}

func TestCatalogURL(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, prefix, url, want string }{
		{"the server itself", "", "", "http://cloud.test"},
		{"the prefix", "/image", "", "http://cloud.test/image"},
		{"a path of the server", "/image", "/image/v2", "http://cloud.test/image/v2"},
		{"another server", "", "https://images.test/v2", "https://images.test/v2"},
	}
	for _, tt := range tests {
		c := imagetest.NewCloud()
		c.ImagePrefix, c.CatalogURL = tt.prefix, tt.url
		e := authenticate(t, c, fmt.Sprintf(appCredential, imagetest.AppCredentialID, imagetest.AppCredentialSecret))
		if want := fmt.Sprintf(`"id":"glance-public","interface":"public","region":"RegionOne","region_id":"RegionOne","url":%q`, tt.want); !strings.Contains(e.body, want) {
			t.Errorf("%s: no %s in %s", tt.name, want, e.body)
		}
	}
}

func TestTokenValidity(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := imagetest.NewCloud()
		c.Share(imageA, memberA)
		short, long := c.IssueToken(imagetest.ProjectID, time.Minute), c.IssueToken(imagetest.ProjectID, 0)
		check := func(when, token string, valid bool) {
			t.Helper()
			e := call(t, c, "GET", "/v2/images/"+imageA, token, "")
			if valid {
				if e.status != 200 {
					t.Errorf("%s: status %d, want 200", when, e.status)
				}
				return
			}
			if e.status != 401 || e.header.Get("Www-Authenticate") != `Keystone uri="http://cloud.test/identity"` {
				t.Errorf("%s: %d with %q", when, e.status, e.header.Get("Www-Authenticate"))
			}
			if id, ok := e.header["X-Openstack-Request-Id"]; ok {
				t.Errorf("%s: a 401 with request id %q", when, id)
			}
		}
		check("no token", "", false)
		check("an unknown token", "x", false)
		time.Sleep(time.Minute - 1)
		check("just before the end", short, true)
		time.Sleep(time.Nanosecond)
		check("at the end", short, false)
		check("a longer one", long, true)
		time.Sleep(59 * time.Minute)
		check("after the cloud's own lifetime", long, false)
		last := c.IssueToken(imagetest.ProjectID, 0)
		c.ExpireTokens()
		check("after ExpireTokens", last, false)
		check("issued after it", c.IssueToken(imagetest.ProjectID, 0), true)
		if n := c.Stats().TokensIssued; n != 4 {
			t.Errorf("%d tokens counted, want 4", n)
		}
	})
}

func TestTokenCanBeValidated(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	token := c.IssueToken(imagetest.ProjectID, 0)
	tests := []struct {
		name, auth, subject string
		status              int
	}{
		{"by itself", token, token, 200},
		{"without a token", "", token, 401},
		{"an unknown token", token, "x", 404},
	}
	for _, tt := range tests {
		e := call(t, c, "GET", imagetest.IdentityPath+"/auth/tokens", tt.auth, "", "X-Subject-Token", tt.subject)
		if e.status != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, e.status, tt.status)
		}
	}
	if n := c.Stats().TokensIssued; n != 1 {
		t.Errorf("%d tokens issued, want 1", n)
	}
}

func TestUnknownIdentityPath(t *testing.T) {
	t.Parallel()
	e := call(t, imagetest.NewCloud(), "GET", imagetest.IdentityPath+"/users", "", "")
	if e.status != 404 || !strings.Contains(e.body, `"title":"Not Found"`) {
		t.Errorf("%d %s", e.status, e.body)
	}
}

// gophercloud, as a client would use it, against a server with each kind of
// credentials and each form of endpoint.
func TestGophercloud(t *testing.T) {
	t.Parallel()
	password := gophercloud.AuthOptions{
		Username: imagetest.UserName, Password: imagetest.Password, DomainName: imagetest.DomainName,
		Scope: &gophercloud.AuthScope{ProjectName: imagetest.ProjectName, DomainName: imagetest.DomainName},
	}
	app := gophercloud.AuthOptions{
		ApplicationCredentialID: imagetest.AppCredentialID, ApplicationCredentialSecret: imagetest.AppCredentialSecret,
	}
	tests := []struct {
		name     string
		options  gophercloud.AuthOptions
		authPath string
		prefix   string
		catalog  string
		endpoint string // found in the catalog, after the server's URL
		removes  bool
	}{
		{"a password", password, imagetest.IdentityPath, "", "", "/", true},
		{"an application credential", app, imagetest.IdentityPath, "", "", "/", true},
		{"an identity endpoint without a version", password, "/identity", "", "", "/", true},
		{"a prefix in front of the API", password, imagetest.IdentityPath, "/image", "", "/image/", true},
		{"a catalog that already has the version in it, which gophercloud repeats", app, imagetest.IdentityPath, "", "/v2", "/v2/", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := imagetest.NewCloud()
			c.ImagePrefix, c.CatalogURL = tt.prefix, tt.catalog
			c.Share(imageA, memberA)
			server := imagetest.NewServer(c)
			defer server.Close()
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()

			tt.options.IdentityEndpoint = server.URL + tt.authPath
			provider, err := config.NewProviderClient(t.Context(), tt.options, config.WithHTTPClient(http.Client{Transport: transport}))
			if err != nil {
				t.Fatal(err)
			}
			client, err := openstack.NewImageV2(provider, gophercloud.EndpointOpts{Region: imagetest.Region})
			if err != nil {
				t.Fatal(err)
			}
			if want := server.URL + tt.endpoint; client.Endpoint != want {
				t.Errorf("endpoint %q, want %q", client.Endpoint, want)
			}
			err = members.Delete(t.Context(), client, imageA, memberA).ExtractErr()
			if (err == nil) != tt.removes || c.Shared(imageA, memberA) == tt.removes {
				t.Errorf("delete: %v; shared afterwards: %t", err, c.Shared(imageA, memberA))
			}
		})
	}
}

func TestAddUserReplacesThePassword(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.AddUser(imagetest.User{Name: imagetest.UserName, Password: "new", ProjectID: stranger, ProjectName: "other", Roles: []string{"admin"}})
	if e := authenticate(t, c, fmt.Sprintf(passwordByName, imagetest.UserName, imagetest.DomainName, imagetest.Password)); e.status != 401 {
		t.Errorf("old password: %d, want 401", e.status)
	}
	e := authenticate(t, c, fmt.Sprintf(passwordByName, imagetest.UserName, imagetest.DomainName, "new"))
	c.Share(imageA, memberA)
	// Roles come with the token: an admin of another project may remove.
	if e := call(t, c, "DELETE", memberPath(imageA, memberA), e.header.Get("X-Subject-Token"), ""); e.status != 204 {
		t.Errorf("the admin: %d, want 204", e.status)
	}
}

func TestAppCredentialCarriesItsOwnRoles(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.SecureRBAC = true
	c.Share(imageA, memberA)
	c.AddAppCredential(imagetest.AppCredential{ID: "app", Secret: "s", UserName: imagetest.UserName, Roles: []string{imagetest.RoleMember}})
	token := authenticate(t, c, fmt.Sprintf(appCredential, "app", "s")).header.Get("X-Subject-Token")
	e := call(t, c, "DELETE", memberPath(imageA, memberA), token, "")
	if e.status != 404 || e.message(t) != "The resource could not be found." || !c.Shared(imageA, memberA) {
		t.Errorf("%d %s, shared: %t", e.status, e.body, c.Shared(imageA, memberA))
	}
}

func TestAppCredentialKeepsToItsAccessRules(t *testing.T) {
	t.Parallel()
	c := imagetest.NewCloud()
	c.Share(imageA, memberA)
	c.AddAppCredential(imagetest.AppCredential{
		ID: "app", Secret: "s", UserName: imagetest.UserName, Roles: []string{imagetest.RoleMember, imagetest.RoleReader},
		AccessRules: []imagetest.AccessRule{{Method: "DELETE", Path: "/v2/images/*/members/*"}},
	})
	token := authenticate(t, c, fmt.Sprintf(appCredential, "app", "s")).header.Get("X-Subject-Token")
	for _, tt := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/v2/images/" + imageA + "/members", 401},
		{"GET", memberPath(imageA, memberA), 401},
		{"DELETE", "/v2/images/" + imageA, 401},
		{"DELETE", memberPath(imageA, memberA), 204},
	} {
		if e := call(t, c, tt.method, tt.path, token, ""); e.status != tt.status {
			t.Errorf("%s %s: %d, want %d", tt.method, tt.path, e.status, tt.status)
		}
	}
}
