package imagetest

import (
	"crypto/rand"
	"net/http"
	"path"
	"slices"
	"time"
)

// The roles that policies ask for. Keystone's admin implies member and member
// implies reader, except in an application credential, which carries only the
// roles that it was given.
const (
	RoleAdmin  = "admin"
	RoleMember = "member"
	RoleReader = "reader"
)

// A User can authenticate with a password, for one project of the domain
// [DomainName].
type User struct {
	Name, Password         string
	ProjectID, ProjectName string
	Roles                  []string
}

// id is what Keystone would have made up for the user.
func (u User) id() string { return "user-" + u.Name }

// An AppCredential can authenticate with a secret in the name of a user.
type AppCredential struct {
	ID, Secret string
	UserName   string
	Roles      []string
	// AccessRules are the requests of the Image API that it may make; none means
	// all of them.
	AccessRules []AccessRule
}

// An AccessRule allows the requests of a method for the paths of a pattern, in
// which * stands for one segment, as in /v2/images/*/members.
type AccessRule struct{ Method, Path string }

// token is a token that has been issued.
type token struct {
	id              string
	methods         []string
	user            User
	projectID       string
	projectName     string
	roles           []string
	rules           []AccessRule
	issued, expires time.Time
}

// allows reports whether the access rules let a request pass.
func (t *token) allows(r *http.Request) bool {
	return len(t.rules) == 0 || slices.ContainsFunc(t.rules, func(rule AccessRule) bool {
		matches, _ := path.Match(rule.Path, r.URL.Path)
		return matches && rule.Method == r.Method
	})
}

func (t *token) has(role string) bool { return slices.Contains(t.roles, role) }

// AddUser adds a user, or replaces the one of the same name. Tokens issued
// before stay valid.
func (c *Cloud) AddUser(u User) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users[u.Name] = u
}

// AddAppCredential adds an application credential, or replaces the one that has
// the same id.
func (c *Cloud) AddAppCredential(a AppCredential) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.appCredentials[a.ID] = a
}

// IssueToken returns a token for the project that is valid for the given time
// from now on, or for TokenLifetime when that is 0. It carries the roles
// "member" and "reader" unless others are given.
func (c *Cloud) IssueToken(projectID string, lifetime time.Duration, roles ...string) string {
	if len(roles) == 0 {
		roles = []string{RoleMember, RoleReader}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.issue(token{methods: []string{"password"}, projectID: projectID, projectName: projectID, roles: roles}, lifetime).id
}

func (c *Cloud) issue(t token, lifetime time.Duration) *token {
	if lifetime == 0 {
		lifetime = c.TokenLifetime
	}
	t.id = "gAAAAA" + rand.Text()
	t.issued = time.Now()
	t.expires = t.issued.Add(lifetime)
	c.tokens[t.id] = &t
	c.stats.TokensIssued++
	return &t
}

// ExpireTokens ends all tokens issued so far.
func (c *Cloud) ExpireTokens() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.tokens {
		t.expires = time.Time{}
	}
}

// validToken returns the token of that id, or nil when it is unknown or expired.
func (c *Cloud) validToken(id string) *token {
	if t := c.tokens[id]; t != nil && time.Now().Before(t.expires) {
		return t
	}
	return nil
}
