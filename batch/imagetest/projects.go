package imagetest

import (
	"maps"
	"net/http"
	"slices"
)

// A Project is one of those that Keystone knows besides the ones of users.
type Project struct {
	ID, Name string
	Disabled bool
}

// AddProject adds a project to the domain [DomainName], or changes it.
func (c *Cloud) AddProject(p Project) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.projects[p.ID] = p
}

// LimitProjects lets Keystone list no more than so many projects (list_limit); 0
// ends the limit.
func (c *Cloud) LimitProjects(most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listedProjects = most
}

// allProjects are those of users, too. The cloud is locked.
func (c *Cloud) allProjects() map[string]Project {
	all := maps.Clone(c.projects)
	for _, u := range c.users {
		if _, ok := all[u.ProjectID]; !ok {
			all[u.ProjectID] = Project{ID: u.ProjectID, Name: u.ProjectName}
		}
	}
	return all
}

// showProjects answers with all projects, or with the one with the id. Keystone
// looks at the rights before it says that there is none: without them it forbids
// to ask, whether there is one or not (keystone/api/projects.py). A user may see
// the own project.
func (c *Cloud) showProjects(r *http.Request, id string) answer {
	t := c.validToken(r.Header.Get("X-Auth-Token"))
	if t == nil {
		return keystoneRefusal(http.StatusUnauthorized, authenticationRequired)
	}
	what := "identity:list_projects"
	if id != "" {
		what = "identity:get_project"
	}
	if !t.has(RoleAdmin) && (id == "" || id != t.projectID) {
		return keystoneRefusal(http.StatusForbidden, "You are not authorized to perform the requested action: "+what+".")
	}
	all := c.allProjects()
	if id != "" {
		p, ok := all[id]
		if !ok {
			return keystoneRefusal(http.StatusNotFound, "Could not find project: "+id+".")
		}
		return document(http.StatusOK, map[string]any{"project": p.document()})
	}
	projects := []any{}
	body := map[string]any{"links": map[string]any{"next": nil, "self": "http://" + r.Host + IdentityPath + "/projects", "previous": nil}}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if c.listedProjects > 0 && len(projects) == c.listedProjects {
			body["truncated"] = true
			break
		}
		projects = append(projects, all[id].document())
	}
	body["projects"] = projects
	return document(http.StatusOK, body)
}

func (p Project) document() any {
	return map[string]any{
		"id": p.ID, "name": p.Name, "domain_id": DomainID, "parent_id": DomainID, "enabled": !p.Disabled,
		"is_domain": false, "description": "", "tags": []string{}, "options": map[string]any{},
	}
}

// showDomains answers with all domains, of which there is one.
func (c *Cloud) showDomains(r *http.Request) answer {
	t := c.validToken(r.Header.Get("X-Auth-Token"))
	switch {
	case t == nil:
		return keystoneRefusal(http.StatusUnauthorized, authenticationRequired)
	case !t.has(RoleAdmin):
		return keystoneRefusal(http.StatusForbidden, "You are not authorized to perform the requested action: identity:list_domains.")
	}
	return document(http.StatusOK, map[string]any{"domains": []any{map[string]any{"id": DomainID, "name": DomainName, "enabled": true}}})
}
