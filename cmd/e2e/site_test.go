//go:build e2e

package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"testing"

	"imsrevoke/batch/imagetest"
	"imsrevoke/cmd/internal/programtest"
)

// A site is a real Keystone and Glance on loopback, brought up by .ci/e2e, with
// projects and users of this run's own.
type site struct {
	program string
	// control starts and stops services.
	control  string
	keystone string // address
	// brief is a second Keystone, whose tokens live for seconds and are good at
	// the first one.
	brief  string
	admin  string            // a token of Keystone's administrator
	roles  map[string]string // ids by name
	people map[string]person
	// glance and secure are two Image APIs over the same images: with the
	// default policy, and with secure RBAC.
	glance, secure *realm
}

func newSite(t *testing.T) *site {
	t.Helper()
	variable := func(name string) string {
		value := os.Getenv(name)
		if value == "" {
			t.Fatalf("%s is not set: run .ci/e2e, which brings up what this test needs", name)
		}
		return value
	}
	t.Cleanup(client.CloseIdleConnections)
	s := &site{
		program:  programtest.Build(t),
		control:  variable("E2E_CONTROL"),
		keystone: variable("E2E_KEYSTONE"),
		brief:    variable("E2E_KEYSTONE_BRIEF"),
	}
	s.admin = person{user: "admin", password: variable("E2E_ADMIN_PASSWORD"), project: "admin"}.token(t, s.keystone)
	s.addPeople(t)
	s.glance = s.addRealm(t, "Glance", "default", variable("E2E_GLANCE"))
	s.secure = s.addRealm(t, "Glance with secure RBAC", "secure", variable("E2E_GLANCE_SECURE"))
	s.secure.secure = true
	return s
}

// identity makes a request as Keystone's administrator.
func (s *site) identity(t *testing.T, method, path string, body any) document {
	t.Helper()
	return demand(t, method, s.keystone+"/v3"+path, s.admin, body)
}

// addPeople makes the projects and users of the tests.
func (s *site) addPeople(t *testing.T) {
	t.Helper()
	s.roles = make(map[string]string)
	for _, role := range s.identity(t, http.MethodGet, "/roles", nil).list("roles") {
		s.roles[role.text("name")] = role.text("id")
	}
	owners := s.addProject(t)
	s.people = map[string]person{
		"owner":    s.addPerson(t, owners, "member"),
		"reader":   s.addPerson(t, owners, "reader"),
		"consumer": s.addPerson(t, s.addProject(t), "member"),
		"stranger": s.addPerson(t, s.addProject(t), "member"),
		"admin":    s.addPerson(t, s.addProject(t), "admin"),
	}
	s.people["application credential"] = s.addApplicationCredential(t, s.people["owner"], nil, "member", "reader")
	s.people["bare application credential"] = s.addApplicationCredential(t, s.people["owner"], nil, "member")
	for name, rules := range ruled {
		s.people[name] = s.addApplicationCredential(t, s.people["owner"], rules, "member", "reader")
	}
}

func (s *site) addProject(t *testing.T) (id string) {
	t.Helper()
	return s.identity(t, http.MethodPost, "/projects", map[string]any{
		"project": map[string]any{"name": newID(), "domain_id": "default"},
	}).at("project").text("id")
}

// addPerson makes a user with a role in a project.
func (s *site) addPerson(t *testing.T, projectID, role string) person {
	t.Helper()
	p := person{user: newID(), password: "it's a \"secret\" of e2e", projectID: projectID}
	userID := s.identity(t, http.MethodPost, "/users", map[string]any{
		"user": map[string]any{"name": p.user, "password": p.password, "domain_id": "default"},
	}).at("user").text("id")
	s.identity(t, http.MethodPut, "/projects/"+projectID+"/users/"+userID+"/roles/"+s.roles[role], nil)
	p.userID = userID
	return p
}

// addApplicationCredential lets a person make an application credential with
// these roles and no others, and with these access rules unless there are none.
func (s *site) addApplicationCredential(t *testing.T, p person, rules []imagetest.AccessRule, roles ...string) person {
	t.Helper()
	credential := map[string]any{"name": newID()}
	var names, access []any
	for _, role := range roles {
		names = append(names, map[string]any{"name": role})
	}
	credential["roles"] = names
	for _, rule := range rules {
		access = append(access, map[string]any{"service": "image", "method": rule.Method, "path": rule.Path})
	}
	if len(access) > 0 {
		credential["access_rules"] = access
	}
	made := demand(t, http.MethodPost, s.keystone+"/v3/users/"+p.userID+"/application_credentials", p.token(t, s.keystone), map[string]any{
		"application_credential": credential,
	}).at("application_credential")
	return person{projectID: p.projectID, credentialID: made.text("id"), secret: made.text("secret")}
}

// addRealm puts a Glance into the catalog, as the only Image API of a region.
func (s *site) addRealm(t *testing.T, name, region, url string) *realm {
	t.Helper()
	if status, _ := call(t, http.MethodGet, s.keystone+"/v3/regions/"+region, s.admin, nil); status == http.StatusNotFound {
		s.identity(t, http.MethodPost, "/regions", map[string]any{"region": map[string]any{"id": region}})
	}
	service := s.identity(t, http.MethodPost, "/services", map[string]any{
		"service": map[string]any{"type": "image", "name": "glance"},
	}).at("service").text("id")
	s.identity(t, http.MethodPost, "/endpoints", map[string]any{
		"endpoint": map[string]any{"service_id": service, "interface": "public", "region_id": region, "url": url},
	})
	r := &realm{name: name, keystone: s.keystone + "/v3", image: url, region: region, people: s.people}
	r.addImage = r.createImage
	r.setVisibility = r.patchVisibility
	return r
}

// up starts a service and waits until it answers; down ends it as a crash does.
func (s *site) up(t *testing.T, service string)   { t.Helper(); s.service(t, "up", service) }
func (s *site) down(t *testing.T, service string) { t.Helper(); s.service(t, "down", service) }

func (s *site) service(t *testing.T, verb, service string) {
	t.Helper()
	if out, err := exec.Command(s.control, verb, service).CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", verb, service, err, out)
	}
}
