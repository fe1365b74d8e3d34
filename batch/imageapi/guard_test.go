package imageapi

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"imsrevoke/batch"
)

func TestTheGuardPassesFourKindsOfRequests(t *testing.T) {
	t.Parallel()
	list := "/v2/images/" + image + "/members"
	tests := []struct {
		name, method, target string
		passes               bool
		body                 string
	}{
		{"the removal of a member", "DELETE", list + "/" + member, true, ""},
		{"the reading of a list", "GET", list, true, ""},
		{"the removal of the image", "DELETE", "/v2/images/" + image, false, ""},
		{"the removal of the image, with a slash", "DELETE", "/v2/images/" + image + "/", false, ""},
		{"the removal of the list", "DELETE", list, false, ""},
		{"the removal of a member without an id", "DELETE", list + "/", false, ""},
		{"the removal of a member of a member", "DELETE", list + "/a/b", false, ""},
		{"the removal of a tag", "DELETE", "/v2/images/" + image + "/tags/" + member, false, ""},
		{"the reading of a member", "GET", list + "/" + member, false, ""},
		{"the reading of something else", "GET", "/v2/images/" + image + "/file", false, ""},
		{"the adding of a member", "POST", list, true, `{"member":"` + member + `"}`},
		{"the adding of nobody", "POST", list, false, ""},
		{"the adding of a member without an id", "POST", list, false, `{"member":""}`},
		{"the adding of a member, and more", "POST", list, false, `{"member":"` + member + `","status":"accepted"}`},
		{"the adding of two members", "POST", list, false, `{"member":"` + member + `"}{"member":"x"}`},
		{"the adding of a member that is none", "POST", list, false, `{"member":".."}`},
		{"something else than a member", "POST", list, false, `{"status":"` + member + `"}`},
		{"a bare id", "POST", list, false, member},
		{"the adding of a member to a member", "POST", list + "/" + member, false, `{"member":"` + member + `"}`},
		{"the adding of an image", "POST", "/v2/images", false, `{"member":"` + member + `"}`},
		{"the answer of a member", "PUT", list + "/" + member, false, `{"status":"accepted"}`},
		{"the removal of a member, with a body", "DELETE", list + "/" + member, false, `{"member":"` + member + `"}`},
		{"the reading of a list, with a body", "GET", list, false, `{"member":"` + member + `"}`},
		{"another collection", "DELETE", "/v2/tasks/" + image + "/members/" + member, false, ""},
		{"an image id that is none", "DELETE", "/v2/images/x/members/" + member, false, ""},
		{"the reading of a page", "GET", list + "?marker=a%2Bb%3D", true, ""},
		{"the reading of a page from nowhere", "GET", list + "?marker=", false, ""},
		{"a page, and more", "GET", list + "?marker=a&limit=1", false, ""},
		{"another query", "GET", list + "?limit=1", false, ""},
		{"two markers", "GET", list + "?marker=a?marker=b", false, ""},
		{"a marker with a fragment", "GET", list + "?marker=a#b", false, ""},
		{"the removal of a page", "DELETE", list + "?marker=a", false, ""},
		{"the reading of the images", "GET", "/v2/images?limit=1000&owner=" + member, true, ""},
		{"the reading of the images of Huawei Cloud", "GET", "/v2/cloudimages?__imagetype=shared&marker=" + image, true, ""},
		{"the reading of the images, with a body", "GET", "/v2/images?limit=1", false, "{}"},
		{"the removal of the images", "DELETE", "/v2/images?limit=1", false, ""},
		{"the removal of all members on Huawei Cloud", "DELETE", "/v1/cloudimages/members", false, ""},
		{"another list", "GET", "/v2/tasks?limit=1", false, ""},
		{"the images, with a fragment", "GET", "/v2/images?limit=1#x", false, ""},
		{"the images, with a slash", "GET", "/v2/images/?limit=1", false, ""},
		{"the removal of a member, with a query", "DELETE", list + "/" + member + "?marker=a", false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := guard(tt.method, tt.target, []byte(tt.body)); (err == nil) != tt.passes {
				t.Errorf("guard(%s %s %s) = %v; want it to pass: %v", tt.method, tt.target, tt.body, err, tt.passes)
			}
		})
	}
}

// An endpoint with a query, a fragment or an opaque part must not get them into
// the request line, where they would end the path early.
func TestWhatFollowsThePathOfAnEndpointIsNotSent(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{
		"http://glance.example/image?project=x", "http://glance.example/image#x", "http://glance.example/image?",
	} {
		var line string
		c := newClient(t, endpoint, &keys{}, roundTripper(func(req *http.Request) (*http.Response, error) {
			line = requestLine(t, req)
			return nil, errors.New("sent")
		}))
		c.Remove(t.Context(), pair)
		if want := "DELETE /image/v2/images/" + image + "/members/" + member + " HTTP/1.1"; line != want {
			t.Errorf("%s: %s; want %s", endpoint, line, want)
		}
	}
	// The second one is by itself what the guard lets pass, and names another share.
	for _, opaque := range []string{"//glance.example/v2/images/x", "/v2/images/" + image + "/members/another"} {
		c := New(Config{Endpoint: &url.URL{Scheme: "http", Host: "glance.example", Opaque: opaque}, Credentials: &keys{},
			Transport: roundTripper(func(*http.Request) (*http.Response, error) {
				t.Errorf("a request was sent to the opaque endpoint %s", opaque)
				return nil, errors.New("sent")
			})})
		if a := c.Remove(t.Context(), pair); a.Meaning != batch.Refused || !strings.HasPrefix(a.Message, "nothing was sent: ") {
			t.Errorf("%s: got %+v; want a refusal before anything is sent", opaque, a)
		}
	}
}
