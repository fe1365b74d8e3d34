package imagetest

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// What every new cloud holds. The user has the roles "member" and "reader" in
// the project, and the application credential acts for the user.
const (
	ProjectID   = "0d0c9f2b5a1e4c7f8b6a3e2d1c0b9a87"
	ProjectName = "images"
	DomainID    = "default"
	DomainName  = "Default"
	Region      = "RegionOne"

	UserName = "revoker"
	Password = "correct horse battery staple"

	AppCredentialID     = "3f2e1d0c4b5a69788796a5b4c3d2e1f0"
	AppCredentialSecret = "staple battery horse correct"
)

// Login returns the variables of the environment by which a program logs in at an
// Identity API, with the password of the cloud's own user.
func Login(authURL string) map[string]string {
	return map[string]string{
		"OS_AUTH_URL":            authURL,
		"OS_USERNAME":            UserName,
		"OS_PASSWORD":            Password,
		"OS_USER_DOMAIN_NAME":    DomainName,
		"OS_PROJECT_NAME":        ProjectName,
		"OS_PROJECT_DOMAIN_NAME": DomainName,
	}
}

// A Cloud is the state of a simulated cloud and the [http.Handler] of its two
// APIs: the Image API at the root (or under ImagePrefix) and the Identity API
// at [IdentityPath]. Make one with [NewCloud].
//
// All methods may be called from several goroutines at once. The fields are
// settings, to be left alone once the first request is on its way.
type Cloud struct {
	// ImagePrefix is the path in front of the Image API, such as "/image".
	// Everything outside it is then a proxy's 404.
	ImagePrefix string
	// CatalogURL is the Image API's URL in the catalog. One that starts with
	// "/" is taken from the server's own root, and none means ImagePrefix.
	CatalogURL string
	// TokenLifetime is how long a token from the Identity API is valid.
	TokenLifetime time.Duration
	// MemberQuota is the most members that an image may have when one is added
	// through the API (image_member_quota).
	MemberQuota int
	// CaseSensitive compares the ids of images and members exactly, as Glance on
	// PostgreSQL does: an image can then have one member in two spellings. Set
	// it before anything is added. The policies of this package go on ignoring
	// case.
	CaseSensitive bool
	// MemberTypes shows the type of each member, and the URN of an
	// organization, as Huawei Cloud has done since 2025. Without it, members of
	// all types are listed alike.
	MemberTypes bool
	// Pages makes the cloud serve member lists in pages.
	Pages Pages
	// ImageList is what is special about its lists of images.
	ImageList ImageList
	// SecureRBAC switches from Zed's default policies to the ones with scope
	// and new defaults enforced, where roles count: without "reader" every
	// request for members ends as a 404 that names nothing, and without
	// "member" nothing can be changed.
	SecureRBAC bool
	// Huawei puts Huawei Cloud's gateway in front of the Image API: it checks
	// signatures, answers what is wrong with credentials and paths by itself,
	// and there are IAM's list of projects and a metadata service.
	Huawei bool
	// AgencyKeys is how long the access keys of the metadata service are valid;
	// 0 means that it has none to give.
	AgencyKeys time.Duration
	// ClockAhead is how far the cloud's clock is ahead of ours.
	ClockAhead time.Duration
	// KeepLog makes Requests remember every request. NewCloud sets it; turn it
	// off for a load that should not be kept in memory.
	KeepLog bool

	mu             sync.Mutex
	images         map[string]*image // by Cloud.imageKey
	projects       map[string]Project
	users          map[string]User // by name
	appCredentials map[string]AppCredential
	tokens         map[string]*token
	accessKeys     map[string]*accessKey
	metadataTokens map[string]struct{}
	faults         Policy
	log            []*Request
	attempts       map[attemptKey]int
	bookmarks      map[markerKey]*bookmark
	stats          Stats
	inFlight       int
	imagePages     int // requests for one
	listedProjects int // the most that are listed; 0 for no limit
}

// NewCloud returns a cloud with the default project, user, application
// credential and access key, and no images.
func NewCloud() *Cloud {
	c := &Cloud{
		TokenLifetime:  time.Hour,
		MemberQuota:    128,
		KeepLog:        true,
		images:         map[string]*image{},
		projects:       map[string]Project{},
		users:          map[string]User{},
		appCredentials: map[string]AppCredential{},
		tokens:         map[string]*token{},
		accessKeys:     map[string]*accessKey{},
		metadataTokens: map[string]struct{}{},
		attempts:       map[attemptKey]int{},
		bookmarks:      map[markerKey]*bookmark{},
		stats:          Stats{Statuses: map[int]int{}},
	}
	roles := []string{RoleMember, RoleReader}
	c.AddUser(User{Name: UserName, Password: Password, ProjectID: ProjectID, ProjectName: ProjectName, Roles: roles})
	c.AddAppCredential(AppCredential{ID: AppCredentialID, Secret: AppCredentialSecret, UserName: UserName, Roles: roles})
	c.AddAccessKey(AccessKey{ID: AccessKeyID, Secret: AccessKeySecret, ProjectID: ProjectID, ProjectName: HuaweiRegion, Roles: roles})
	return c
}

// AddImage adds an image, or changes the one that has the same id. The members
// of an image stay with it whatever becomes of its visibility.
func (c *Cloud) AddImage(i Image) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addImage(i)
}

func (c *Cloud) addImage(i Image) *image {
	if i.Owner == "" {
		i.Owner = ProjectID
	}
	if i.Visibility == "" {
		i.Visibility = Shared
	}
	if i.Status == "" {
		i.Status = "active"
	}
	img := c.images[c.imageKey(i.ID)]
	if img == nil {
		img = &image{cloud: c, created: time.Now(), members: map[rowKey]*member{}}
		c.images[c.imageKey(i.ID)] = img
	}
	img.Image = i
	return img
}

// Share shares the image with a project, without regard to the quota. The
// image comes into being, shared and owned by the default project, when there
// is none.
func (c *Cloud) Share(imageID, memberID string) { c.ShareAs(imageID, memberID, MemberProject) }

// ShareAs is [Cloud.Share] with a member of any type. A project and an account
// may have the same id; they are two members.
func (c *Cloud) ShareAs(imageID, memberID string, t MemberType) {
	c.mu.Lock()
	defer c.mu.Unlock()
	img := c.images[c.imageKey(imageID)]
	if img == nil {
		img = c.addImage(Image{ID: imageID})
	}
	img.share(memberID, t)
}

// Revoke ends the share with a project, if there is one. It is not a request,
// and Stats does not count it.
func (c *Cloud) Revoke(imageID, memberID string) { c.RevokeAs(imageID, memberID, MemberProject) }

// RevokeAs is [Cloud.Revoke] for a member of any type.
func (c *Cloud) RevokeAs(imageID, memberID string, t MemberType) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m := c.member(imageID, memberID, t); m != nil {
		m.deleted = true
	}
}

// SetStatus sets the status of a member: "pending", "accepted" or "rejected".
// It panics when there is no such member.
func (c *Cloud) SetStatus(imageID, memberID string, t MemberType, status string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.member(imageID, memberID, t)
	if m == nil {
		panic(fmt.Sprintf("imagetest: the image %q has no member %q of type %s", imageID, memberID, t))
	}
	m.status, m.updated = status, time.Now()
}

// Members returns the sorted ids of the projects that the image is shared with.
func (c *Cloud) Members(imageID string) []string { return c.MembersAs(imageID, MemberProject) }

// MembersAs returns the sorted ids of the image's members of one type.
func (c *Cloud) MembersAs(imageID string, t MemberType) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	if img := c.images[c.imageKey(imageID)]; img != nil {
		for _, m := range img.live() {
			if m.kind == t {
				ids = append(ids, m.id)
			}
		}
	}
	return ids
}

// Shared reports whether the image exists and is shared with the project.
func (c *Cloud) Shared(imageID, memberID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.member(imageID, memberID, MemberProject) != nil
}

// member returns the row of a member of an image, or nil.
func (c *Cloud) member(imageID, memberID string, t MemberType) *member {
	if img := c.images[c.imageKey(imageID)]; img != nil {
		return img.member(memberID, t)
	}
	return nil
}

// RemoveImage deletes an image. It is not a request, and Stats does not count it.
func (c *Cloud) RemoveImage(imageID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.images, c.imageKey(imageID))
}

// Images returns the sorted ids of all images.
func (c *Cloud) Images() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for img := range maps.Values(c.images) {
		ids = append(ids, img.ID)
	}
	slices.Sort(ids)
	return ids
}

// ImageExists reports whether the image is still there.
func (c *Cloud) ImageExists(imageID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.images[c.imageKey(imageID)] != nil
}
