package cloud

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/domains"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
)

// A Project is what Keystone says of a project.
type Project struct {
	ID, Name string
	// Domain is the name of its domain, or the id if the name is not known.
	Domain  string
	Enabled bool
}

// ErrMayNotLookUp says that these credentials may not look up projects.
var ErrMayNotLookUp = errors.New("the credentials may not look up projects in Keystone; that needs the role admin, or the role reader on the system")

// Projects looks up projects in Keystone. It is used by one goroutine at a time.
type Projects struct {
	session *Session
	client  *gophercloud.ServiceClient
	known   map[string]Project
	domains map[string]string // names, by id
}

const (
	// maxProjects is how much of a list of projects is read: some 200,000 of them.
	maxProjects = 64 << 20
	// lookupTries is how often one question is asked while Keystone is in trouble.
	lookupTries = 5
)

// Projects makes ready to look up projects. It fails for credentials that do not
// say where Keystone is.
func (s *Session) Projects() (*Projects, error) {
	k, ok := s.issuer.(*keystone)
	if !ok {
		return nil, fmt.Errorf("projects are looked up in Keystone, and the %s does not say where that is: %s", s.method, setKeystone)
	}
	return &Projects{session: s, client: k.open(maxProjects), known: make(map[string]Project), domains: make(map[string]string)}, nil
}

// Load asks for all projects at once. A list of them may be cut short by Keystone,
// so that it does not prove anything of those that it lacks. The error is
// [ErrMayNotLookUp] where these credentials may not have it.
func (p *Projects) Load(ctx context.Context) error {
	var all struct {
		Projects []projects.Project `json:"projects"`
	}
	if err := p.get(ctx, "projects", &all); err != nil {
		return err
	}
	var some struct {
		Domains []domains.Domain `json:"domains"`
	}
	if err := p.get(ctx, "domains", &some); err != nil && !errors.Is(err, ErrMayNotLookUp) {
		return err
	}
	for _, d := range some.Domains {
		p.domains[d.ID] = d.Name
	}
	for _, project := range all.Projects {
		p.add(project)
	}
	return nil
}

func (p *Projects) add(project projects.Project) Project {
	domain := p.domains[project.DomainID]
	if domain == "" {
		domain = project.DomainID
	}
	found := Project{ID: project.ID, Name: project.Name, Domain: domain, Enabled: project.Enabled}
	p.known[project.ID] = found
	return found
}

// MayProve reports whether these credentials get a proof that a project does not
// exist: Keystone says that it is not found only to those who may see it, and
// forbids everybody else to ask, whether it exists or not
// (_build_project_target_enforcement in keystone/api/projects.py). A project that
// cannot exist is asked for.
func (p *Projects) MayProve(ctx context.Context) error {
	var id [16]byte
	rand.Read(id[:])
	_, found, err := p.Find(ctx, hex.EncodeToString(id[:]))
	if found {
		return fmt.Errorf("keystone returns a project for a made-up id, so it cannot prove that a project is gone")
	}
	return err
}

// Find looks up one project by an id that is one path segment. It is not found
// only when Keystone says so.
func (p *Projects) Find(ctx context.Context, id string) (project Project, found bool, err error) {
	if project, ok := p.known[id]; ok {
		return project, true, nil
	}
	var answer struct {
		Project projects.Project `json:"project"`
	}
	err = p.get(ctx, "projects/"+id, &answer)
	switch {
	case errors.Is(err, errNotFound):
		return Project{}, false, nil
	case err != nil:
		return Project{}, false, err
	case answer.Project.ID == "":
		return Project{}, false, errors.New("keystone sent no project")
	}
	return p.add(answer.Project), true, nil
}

var errNotFound = errors.New("not found")

// lookUpNames is the kind of these requests, see [Session.Accepted].
const lookUpNames = "names"

// get asks one question, again while Keystone is in trouble. Nothing that an
// answer leads to is followed.
func (p *Projects) get(ctx context.Context, path string, into any) error {
	ask := func() error {
		credential := p.session.current.Load()
		token, _ := credential.proof.(bearer)
		p.client.ProviderClient.SetToken(string(token.token))
		resp, err := p.client.Get(ctx, p.client.Endpoint+path, into, nil)
		if resp != nil && resp.Body != nil {
			resp.Body.Close()
		}
		answer, answered := errors.AsType[gophercloud.ErrUnexpectedResponseCode](err)
		switch {
		case err == nil:
			p.session.Accepted(credential.generation, lookUpNames)
			return nil
		case !answered && ctx.Err() != nil:
			return backoff.Permanent(context.Cause(ctx))
		case !answered:
			return fmt.Errorf("keystone at %s: %w", p.client.Endpoint, &networkError{err})
		case answer.Actual == http.StatusNotFound:
			return backoff.Permanent(errNotFound)
		case answer.Actual == http.StatusForbidden:
			return backoff.Permanent(ErrMayNotLookUp)
		}
		if answer.Actual == http.StatusUnauthorized {
			if err := p.session.Renew(ctx, credential.generation, lookUpNames); err != nil {
				return backoff.Permanent(err)
			}
		}
		err = fmt.Errorf("keystone at %s answered %s%s", p.client.Endpoint, statusOf(answer.Actual), words(answer.Body))
		if isRefusal(answer.Actual) && answer.Actual != http.StatusUnauthorized {
			return backoff.Permanent(err)
		}
		return err
	}
	pauses := backoff.NewExponentialBackOff(backoff.WithInitialInterval(500*time.Millisecond), backoff.WithMaxElapsedTime(0))
	return backoff.Retry(ask, backoff.WithContext(backoff.WithMaxRetries(pauses, lookupTries-1), ctx))
}

// Known returns a project that is known already.
func (p *Projects) Known(id string) (Project, bool) {
	project, ok := p.known[id]
	return project, ok
}
