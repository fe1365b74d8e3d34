package imagetest

import (
	"fmt"
	"net/http"
	"time"
)

// serveImages answers a request of the Image API that has a valid token.
func (c *Cloud) serveImages(t *token, method string, to route, body []byte) answer {
	allow := map[kind]string{
		imagesRoute:  "GET, POST",
		imageRoute:   "GET, PATCH, DELETE",
		membersRoute: "GET, POST",
		memberRoute:  "GET, PUT, DELETE",
	}[to.kind]
	switch {
	case allow == "":
		return noResource()
	case method == http.MethodOptions:
		return answer{status: http.StatusOK, header: http.Header{}}
	case method == http.MethodDelete && len(body) > 0 && to.kind != membersRoute:
		return refusal(http.StatusBadRequest, "A body is not expected with this request.")
	}
	switch to.kind {
	case imagesRoute:
		switch method {
		case http.MethodGet:
			return c.listImages(t, to)
		case http.MethodPost:
			return refusal(http.StatusNotImplemented, "imagetest does not create images through the API: use AddImage.")
		}
	case imageRoute:
		switch method {
		case http.MethodGet:
			return c.showImage(t, to.imageID)
		case http.MethodPatch:
			return refusal(http.StatusNotImplemented, "imagetest does not change images through the API: use AddImage.")
		case http.MethodDelete:
			return c.deleteImage(t, to.imageID)
		}
	case membersRoute:
		switch method {
		case http.MethodGet:
			return c.listMembers(t, to.imageID, to.page)
		case http.MethodPost:
			return c.createMember(t, to.imageID, body)
		}
	case memberRoute:
		switch method {
		case http.MethodGet:
			return c.showMember(t, to.imageID, to.memberID)
		case http.MethodPut:
			return c.updateMember(t, to.imageID, to.memberID, body)
		case http.MethodDelete:
			return c.deleteMember(t, to.imageID, to.memberID)
		}
	}
	a := refusal(http.StatusMethodNotAllowed, "The method %s is not allowed for this resource.", method)
	a.header.Set("Allow", allow)
	return a
}

// imageVersions lists the versions of the Image API, as Glance does wherever a
// path does not begin with one.
func (c *Cloud) imageVersions(host string) answer {
	type link struct {
		Rel  string `json:"rel"`
		Href string `json:"href"`
	}
	type version struct {
		ID     string `json:"id"`
		Status string `json:"status"`
		Links  []link `json:"links"`
	}
	links := []link{{"self", "http://" + host + c.ImagePrefix + "/v2/"}}
	var list struct {
		Versions []version `json:"versions"`
	}
	const newest = 15
	for minor := newest; minor >= 0; minor-- {
		status := "SUPPORTED"
		if minor == newest {
			status = "CURRENT"
		}
		list.Versions = append(list.Versions, version{fmt.Sprintf("v2.%d", minor), status, links})
	}
	return document(http.StatusMultipleChoices, list)
}

// visible returns the image if the token may see it, and nil otherwise.
func (c *Cloud) visible(t *token, imageID string) *image {
	if img := c.images[c.imageKey(imageID)]; img != nil && img.visibleTo(t) {
		return img
	}
	return nil
}

func (c *Cloud) showImage(t *token, imageID string) answer {
	img := c.visible(t, imageID)
	switch {
	case img == nil:
		return refusal(http.StatusNotFound, "No image found with ID %s", imageID)
	case !c.mayRead(t):
		return noResource()
	}
	return document(http.StatusOK, img.imageDocument())
}

// deleteImage deletes an image, be it by accident.
func (c *Cloud) deleteImage(t *token, imageID string) answer {
	img := c.visible(t, imageID)
	switch {
	case img == nil:
		return refusal(http.StatusNotFound, "Failed to find image %s to delete", imageID)
	case !c.SecureRBAC && !img.ownedBy(t):
		return refusal(http.StatusForbidden, "You do not own this image")
	case !c.mayChange(t, img): // whether it may be read does not matter
		return notAuthorized("delete_image")
	case img.Protected:
		return refusal(http.StatusForbidden, "Image %s is protected and cannot be deleted.", img.ID)
	}
	delete(c.images, c.imageKey(imageID))
	c.stats.ImagesDeleted++
	return answer{status: http.StatusNoContent, header: http.Header{}, applied: true}
}

// timestamp is Glance's form of a time: UTC, whole seconds.
func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
