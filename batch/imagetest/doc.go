// Package imagetest simulates an OpenStack cloud as far as sharing images
// goes: an Image API (Glance v2) and the part of an Identity API (Keystone v3)
// that hands out tokens. It stands to this API as net/http/httptest stands to
// HTTP, and serves tests and demonstrations.
//
//	cloud := imagetest.NewCloud()
//	cloud.Share(imageID, memberID)
//	server := imagetest.NewServer(cloud)
//	defer server.Close()
//	// ... work against server.URL, then judge:
//	cloud.Shared(imageID, memberID)
//
// [Cloud.Transport] serves the same cloud without a socket, for tests in the
// virtual time of testing/synctest. [Cloud.SetFaults] makes the cloud fail on
// demand, before or after a change has taken effect.
//
// With [Cloud.Huawei] set it is Huawei Cloud's IMS behind its API gateway, as
// far as that is documented. [Cloud.Pages] and [Cloud.MemberTypes] are what its
// member lists have that Glance's have not; either works without Huawei, too.
// [Cloud.ImageList] is what is special about the lists of images.
//
// Statuses, texts and oddities are those of Glance 25.1 (Zed) run by eventlet
// on MariaDB. The simulation protects nobody: requests are routed on the
// target exactly as it was received, without cleaning and without redirects,
// so a target such as "/v2/images/{id}?/members/{member}" deletes the image, as
// it does in a real cloud. One thing differs: net/http leaves the header
// "Content-Length: 0" out of a 204.
package imagetest
