package imagetest

import (
	"crypto/rand"
	"slices"
	"time"
)

// The access key that every new cloud knows. It acts for the default project,
// whose name is the region's, as it is in Huawei Cloud.
const (
	AccessKeyID     = "AKIMAGETEST0"
	AccessKeySecret = "staple-correct-horse-battery"
	HuaweiRegion    = "cn-north-4"
)

// An AccessKey signs requests in the name of a project. It counts in a cloud
// with Huawei set.
type AccessKey struct {
	ID, Secret string
	// SecurityToken has to come with each request of a temporary key.
	SecurityToken          string
	ProjectID, ProjectName string
	Roles                  []string
	// Expires is when the key ends; zero: never.
	Expires time.Time
}

// accessKey is a key and what was tried with it.
type accessKey struct {
	AccessKey
	wrong       int // signatures in a row
	lockedUntil time.Time
}

// token is what a request that the key has signed may do.
func (k *accessKey) token() *token {
	return &token{methods: []string{"hw_ak_sk"}, projectID: k.ProjectID, projectName: k.ProjectName, roles: slices.Clone(k.Roles)}
}

// AddAccessKey adds an access key, or replaces the one of the same id.
func (c *Cloud) AddAccessKey(k AccessKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accessKeys[k.ID] = &accessKey{AccessKey: k}
}

// issueKey makes a temporary key for the server that the metadata service is of.
func (c *Cloud) issueKey() AccessKey {
	k := AccessKey{
		ID: "HST" + rand.Text(), Secret: rand.Text(), SecurityToken: rand.Text(),
		ProjectID: ProjectID, ProjectName: HuaweiRegion, Roles: []string{RoleMember, RoleReader},
		Expires: c.now().Add(c.AgencyKeys),
	}
	c.accessKeys[k.ID] = &accessKey{AccessKey: k}
	c.stats.KeysIssued++
	return k
}
