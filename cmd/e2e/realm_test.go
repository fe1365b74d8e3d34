//go:build e2e

package e2e

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"imsrevoke/batch/imagetest"
)

// A realm is an Image API with its Keystone, real or simulated.
type realm struct {
	name     string
	keystone string // OS_AUTH_URL
	image    string // address
	region   string
	people   map[string]person
	tokens   sync.Map // of the people that a test has acted as
	secure   bool     // that it enforces secure RBAC
	// addImage makes an image of the owner's that is shared with nobody yet.
	addImage func(*testing.T, traits) (id string)
	// setVisibility changes the visibility of an image.
	setVisibility func(t *testing.T, image, visibility string)
}

// traits are what is special about an image.
type traits struct {
	protected, hidden bool
	// status is queued when empty; or active or deactivated.
	status string
}

// token returns a token of somebody's, which lives for an hour.
func (r *realm) token(t *testing.T, who string) string {
	t.Helper()
	if token, ok := r.tokens.Load(who); ok {
		return token.(string)
	}
	token := r.people[who].token(t, strings.TrimSuffix(r.keystone, "/v3"))
	r.tokens.Store(who, token)
	return token
}

// as makes a request of the Image API that has to succeed.
func (r *realm) as(t *testing.T, who, method, path string, body any) document {
	t.Helper()
	return demand(t, method, r.image+path, r.token(t, who), body)
}

func (r *realm) createImage(t *testing.T, is traits) (id string) {
	t.Helper()
	id = r.as(t, "owner", http.MethodPost, "/v2/images", map[string]any{
		"name": t.Name(), "visibility": "shared", "disk_format": "raw", "container_format": "bare",
		"protected": is.protected, "os_hidden": is.hidden,
	}).text("id")
	if is.status != "" {
		r.as(t, "owner", http.MethodPut, "/v2/images/"+id+"/file", []byte("not much of an image"))
	}
	if is.status == "deactivated" {
		r.as(t, "admin", http.MethodPost, "/v2/images/"+id+"/actions/deactivate", nil)
	}
	return id
}

func (r *realm) patchVisibility(t *testing.T, image, visibility string) {
	t.Helper()
	r.as(t, "admin", http.MethodPatch, "/v2/images/"+image, patch{{"op": "replace", "path": "/visibility", "value": visibility}})
}

func (r *realm) share(t *testing.T, image string, members ...string) {
	t.Helper()
	token := r.token(t, "owner")
	for _, member := range members {
		demand(t, http.MethodPost, r.image+"/v2/images/"+image+"/members", token, map[string]any{"member": member})
	}
}

// answer has a member accept or reject a share.
func (r *realm) answer(t *testing.T, who, image, status string) {
	t.Helper()
	r.as(t, who, http.MethodPut, "/v2/images/"+image+"/members/"+r.people[who].projectID, map[string]any{"status": status})
}

// members asks the Image API itself who the members of an image are, whatever
// its visibility has become.
func (r *realm) members(t *testing.T, image string) []string {
	t.Helper()
	r.setVisibility(t, image, "shared")
	return memberIDs(r.as(t, "admin", http.MethodGet, "/v2/images/"+image+"/members", nil))
}

func memberIDs(list document) []string {
	ids := []string{}
	for _, m := range list.list("members") {
		ids = append(ids, m.text("member_id"))
	}
	slices.Sort(ids)
	return ids
}

// realms are all that the same tables hold for.
func (s *site) realms(t *testing.T) []*realm {
	t.Helper()
	return []*realm{
		s.glance, s.secure,
		simulatedRealm(t, "the simulation", false), simulatedRealm(t, "the simulation with secure RBAC", true),
	}
}

// simulatedRealm is the simulation in the place of a real cloud.
func simulatedRealm(t *testing.T, name string, secure bool) *realm {
	t.Helper()
	c := imagetest.NewCloud()
	c.SecureRBAC = secure
	server := imagetest.NewServer(c)
	t.Cleanup(server.Close)
	add := func(projectID string, roles ...string) person {
		p := person{user: newID(), password: newID(), projectID: projectID}
		c.AddUser(imagetest.User{Name: p.user, Password: p.password, ProjectID: projectID, ProjectName: projectID, Roles: roles})
		return p
	}
	people := map[string]person{
		"owner":    add(imagetest.ProjectID, imagetest.RoleMember, imagetest.RoleReader),
		"reader":   add(imagetest.ProjectID, imagetest.RoleReader),
		"consumer": add(newID(), imagetest.RoleMember, imagetest.RoleReader),
		"stranger": add(newID(), imagetest.RoleMember, imagetest.RoleReader),
		"admin":    add(newID(), imagetest.RoleAdmin, imagetest.RoleMember, imagetest.RoleReader),
	}
	credential := func(rules []imagetest.AccessRule, roles ...string) person {
		p := person{projectID: imagetest.ProjectID, credentialID: newID(), secret: newID()}
		c.AddAppCredential(imagetest.AppCredential{
			ID: p.credentialID, Secret: p.secret, UserName: people["owner"].user, Roles: roles, AccessRules: rules,
		})
		return p
	}
	people["application credential"] = credential(nil, imagetest.RoleMember, imagetest.RoleReader)
	people["bare application credential"] = credential(nil, imagetest.RoleMember)
	for name, rules := range ruled {
		people[name] = credential(rules, imagetest.RoleMember, imagetest.RoleReader)
	}
	return &realm{
		name: name, keystone: server.AuthURL, image: server.URL, region: imagetest.Region, people: people, secure: secure,
		addImage: func(t *testing.T, is traits) string {
			id := newImageID()
			c.AddImage(imagetest.Image{ID: id, Protected: is.protected, Hidden: is.hidden})
			return id
		},
		setVisibility: func(t *testing.T, image, visibility string) {
			c.AddImage(imagetest.Image{ID: image, Visibility: imagetest.Visibility(visibility)})
		},
	}
}

func newImageID() string {
	id := newID()
	return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
}
