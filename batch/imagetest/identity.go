package imagetest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// IdentityPath is where the Identity API starts, below the server's root. The
// list of its versions is one level up.
const IdentityPath = identityRoot + "/v3"

const (
	identityRoot           = "/identity"
	authenticationRequired = "The request you have made requires authentication."
)

// authRequest is the body of POST /v3/auth/tokens.
type authRequest struct {
	Auth struct {
		Identity struct {
			Methods  []string `json:"methods"`
			Password struct {
				User userName `json:"user"`
			} `json:"password"`
			Token struct {
				ID string `json:"id"`
			} `json:"token"`
			AppCredential struct {
				ID     string `json:"id"`
				Secret string `json:"secret"`
			} `json:"application_credential"`
		} `json:"identity"`
		Scope *struct {
			Project entity `json:"project"`
		} `json:"scope"`
	} `json:"auth"`
}

// entity is something that Keystone knows by an id, or by a name in a domain.
type entity struct {
	ID     string  `json:"id,omitempty"`
	Name   string  `json:"name,omitempty"`
	Domain *entity `json:"domain,omitempty"`
}

type userName struct {
	entity
	Password string `json:"password"`
}

// names reports whether e refers to what has this id, and this name in the
// default domain.
func (e entity) names(id, name string) bool {
	if e.ID != "" {
		return e.ID == id
	}
	return e.Name == name && e.Domain != nil && (e.Domain.ID == DomainID || e.Domain.Name == DomainName)
}

// serveIdentity answers a request of the Identity API.
func (c *Cloud) serveIdentity(r *http.Request, path string, body []byte) answer {
	switch r.Method + " " + strings.TrimSuffix(path, "/") {
	case "GET " + identityRoot:
		versions := map[string]any{"versions": map[string]any{"values": []any{identityVersion(r.Host)}}}
		return document(http.StatusMultipleChoices, versions)
	case "GET " + IdentityPath:
		return document(http.StatusOK, map[string]any{"version": identityVersion(r.Host)})
	case "POST " + IdentityPath + "/auth/tokens":
		return c.createToken(r.Host, body)
	case "GET " + IdentityPath + "/auth/tokens":
		return c.showToken(r)
	case "GET " + IdentityPath + "/projects":
		if c.Huawei {
			return c.listProjects(r)
		}
		return c.showProjects(r, "")
	case "GET " + IdentityPath + "/domains":
		return c.showDomains(r)
	}
	if id, ok := strings.CutPrefix(path, IdentityPath+"/projects/"); ok && r.Method == "GET" && !c.Huawei {
		return c.showProjects(r, id)
	}
	return keystoneRefusal(http.StatusNotFound, "The resource could not be found.")
}

func identityVersion(host string) any {
	return map[string]any{
		"id":      "v3.14",
		"status":  "stable",
		"updated": "2020-04-07T00:00:00Z",
		"links":   []any{map[string]string{"rel": "self", "href": "http://" + host + IdentityPath + "/"}},
	}
}

// createToken authenticates by password, application credential or token.
func (c *Cloud) createToken(host string, body []byte) answer {
	var request authRequest
	if err := json.Unmarshal(body, &request); err != nil {
		return keystoneRefusal(http.StatusBadRequest, "Expecting to find valid JSON: "+err.Error())
	}
	t, ok := c.authenticate(request)
	if !ok {
		return keystoneRefusal(http.StatusUnauthorized, authenticationRequired)
	}
	return c.tokenAnswer(http.StatusCreated, host, c.issue(t, 0))
}

// showToken validates the token in X-Subject-Token for the one in X-Auth-Token.
func (c *Cloud) showToken(r *http.Request) answer {
	if c.validToken(r.Header.Get("X-Auth-Token")) == nil {
		return keystoneRefusal(http.StatusUnauthorized, authenticationRequired)
	}
	t := c.validToken(r.Header.Get("X-Subject-Token"))
	if t == nil {
		return keystoneRefusal(http.StatusNotFound, "Failed to validate token")
	}
	return c.tokenAnswer(http.StatusOK, r.Host, t)
}

// authenticate returns what a token for the request has to say. A user has one
// project, so a scope can only confirm it.
func (c *Cloud) authenticate(request authRequest) (token, bool) {
	identity := request.Auth.Identity
	if len(identity.Methods) != 1 {
		return token{}, false
	}
	t := token{methods: slices.Clone(identity.Methods)}
	switch identity.Methods[0] {
	case "password":
		user, ok := c.user(identity.Password.User)
		if !ok {
			return token{}, false
		}
		t.user, t.projectID, t.projectName, t.roles = user, user.ProjectID, user.ProjectName, user.Roles
	case "application_credential":
		app, ok := c.appCredentials[identity.AppCredential.ID]
		if !ok || app.Secret != identity.AppCredential.Secret {
			return token{}, false
		}
		user := c.users[app.UserName]
		t.user, t.projectID, t.projectName, t.roles, t.rules = user, user.ProjectID, user.ProjectName, app.Roles, app.AccessRules
	case "token":
		old := c.validToken(identity.Token.ID)
		if old == nil {
			return token{}, false
		}
		t.user, t.projectID, t.projectName, t.roles, t.rules = old.user, old.projectID, old.projectName, old.roles, old.rules
	default:
		return token{}, false
	}
	scope := request.Auth.Scope
	return t, scope == nil || scope.Project.names(t.projectID, t.projectName)
}

// user returns the user who is named with the right password.
func (c *Cloud) user(name userName) (User, bool) {
	for _, u := range c.users {
		if name.names(u.id(), u.Name) {
			return u, u.Password == name.Password
		}
	}
	return User{}, false
}

// tokenAnswer tells about a token, in the header and in the body.
func (c *Cloud) tokenAnswer(status int, host string, t *token) answer {
	domain := entity{ID: DomainID, Name: DomainName}
	roles := []entity{}
	for _, r := range t.roles {
		roles = append(roles, entity{ID: "role-" + r, Name: r})
	}
	const layout = "2006-01-02T15:04:05.000000Z"
	a := document(status, map[string]any{"token": map[string]any{
		"methods":    t.methods,
		"issued_at":  t.issued.UTC().Format(layout),
		"expires_at": t.expires.UTC().Format(layout),
		"user":       entity{ID: t.user.id(), Name: t.user.Name, Domain: &domain},
		"project":    entity{ID: t.projectID, Name: t.projectName, Domain: &domain},
		"roles":      roles,
		"catalog": []any{
			service("image", "glance", c.catalogURL(host)),
			service("identity", "keystone", "http://"+host+identityRoot),
		},
	}})
	a.header.Set("X-Subject-Token", t.id)
	a.applied = status == http.StatusCreated
	return a
}

// catalogURL is where the catalog says that the Image API is.
func (c *Cloud) catalogURL(host string) string {
	switch {
	case c.CatalogURL == "":
		return "http://" + host + c.ImagePrefix
	case strings.HasPrefix(c.CatalogURL, "/"):
		return "http://" + host + c.CatalogURL
	default:
		return c.CatalogURL
	}
}

// service is an entry of the catalog, with the same URL at every interface.
func service(kind, name, url string) any {
	var endpoints []any
	for _, access := range []string{"public", "internal", "admin"} {
		endpoints = append(endpoints, map[string]string{
			"id": name + "-" + access, "interface": access, "region": Region, "region_id": Region, "url": url,
		})
	}
	return map[string]any{"id": name, "type": kind, "name": name, "endpoints": endpoints}
}

// keystoneError is the form of Keystone's errors.
func keystoneError(status int, message string) any {
	return map[string]any{"error": map[string]any{
		"code": status, "message": message, "title": http.StatusText(status),
	}}
}

func keystoneRefusal(status int, message string) answer {
	return document(status, keystoneError(status, message))
}
