package cloud_test

import (
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"imsrevoke/batch/cloud"
	"imsrevoke/batch/imagetest"
)

const existing, absent = "edc89b490d7d4392898e19b2deb34797", "00000000000000000000000000000000"

// lookups is a cloud with a project, and what looks it up with these roles.
func lookups(t *testing.T, roles ...string) (*imagetest.Cloud, *cloud.Session, *cloud.Projects) {
	t.Helper()
	c := imagetest.NewCloud()
	c.AddProject(imagetest.Project{ID: existing, Name: "customer"})
	c.AddUser(imagetest.User{Name: "looker", Password: "p", ProjectID: imagetest.ProjectID, ProjectName: "images", Roles: roles})
	server := imagetest.NewServer(c)
	t.Cleanup(server.Close)
	s := mustConnect(t, cloud.Config{}, env{
		"OS_AUTH_URL": server.AuthURL, "OS_USERNAME": "looker", "OS_PASSWORD": "p", "OS_USER_DOMAIN_NAME": imagetest.DomainName,
		"OS_PROJECT_NAME": "images", "OS_PROJECT_DOMAIN_NAME": imagetest.DomainName,
	})
	p, err := s.Projects()
	if err != nil {
		t.Fatal(err)
	}
	return c, s, p
}

func TestProjectsOfAnAdmin(t *testing.T) {
	t.Parallel()
	c, s, p := lookups(t, imagetest.RoleAdmin)
	if !s.HasRole("admin") || s.HasRole("reader") {
		t.Error("the roles are not those of the token")
	}
	if err := errors.Join(p.MayProve(t.Context()), p.Load(t.Context())); err != nil {
		t.Fatal(err)
	}
	want := cloud.Project{ID: existing, Name: "customer", Domain: imagetest.DomainName, Enabled: true}
	if got, known := p.Known(existing); !known || got != want {
		t.Errorf("got %+v, %v", got, known)
	}
	if got, found, err := p.Find(t.Context(), existing); !found || err != nil || got != want {
		t.Errorf("got %+v, %v, %v", got, found, err)
	}
	if _, found, err := p.Find(t.Context(), absent); found || err != nil {
		t.Errorf("found %v, %v", found, err)
	}
	// A token that has expired is renewed.
	c.ExpireTokens()
	c.AddProject(imagetest.Project{ID: absent, Name: "late", Disabled: true})
	if got, found, err := p.Find(t.Context(), absent); !found || err != nil || got.Enabled {
		t.Errorf("got %+v, %v, %v", got, found, err)
	}
}

func TestProjectsOfSomebodyElse(t *testing.T) {
	t.Parallel()
	_, _, p := lookups(t, imagetest.RoleMember)
	if err := p.MayProve(t.Context()); !errors.Is(err, cloud.ErrMayNotLookUp) {
		t.Errorf("a proof: %v", err)
	}
	if err := p.Load(t.Context()); !errors.Is(err, cloud.ErrMayNotLookUp) {
		t.Errorf("the list: %v", err)
	}
	for _, id := range []string{existing, absent} {
		if _, found, err := p.Find(t.Context(), id); found || !errors.Is(err, cloud.ErrMayNotLookUp) {
			t.Errorf("%s: %v, %v", id, found, err)
		}
	}
}

// TestProjectsInTrouble: a failed look-up proves nothing.
func TestProjectsInTrouble(t *testing.T) {
	t.Parallel()
	c, _, p := lookups(t, imagetest.RoleAdmin)
	var asked atomic.Int32
	c.SetFaults(func(r imagetest.Request) imagetest.Fault {
		switch {
		case strings.HasSuffix(r.Target, existing) && asked.Add(1) == 1:
			return imagetest.Status(http.StatusServiceUnavailable)
		case strings.HasSuffix(r.Target, absent):
			return imagetest.Fault{Status: http.StatusBadRequest}
		}
		return imagetest.Fault{}
	})
	if _, found, err := p.Find(t.Context(), existing); !found || err != nil {
		t.Errorf("after a 503: %v, %v", found, err)
	}
	if _, found, err := p.Find(t.Context(), absent); found || err == nil || errors.Is(err, cloud.ErrMayNotLookUp) {
		t.Errorf("with a 400: %v, %v", found, err)
	}
}

func TestProjectsNeedKeystone(t *testing.T) {
	t.Parallel()
	s := mustConnect(t, cloud.Config{Endpoint: "https://image.example"}, env{"OS_TOKEN": "gAAAAA-a-token"})
	if _, err := s.Projects(); err == nil || !strings.Contains(err.Error(), "does not say where that is") {
		t.Errorf("got %v", err)
	}
}
