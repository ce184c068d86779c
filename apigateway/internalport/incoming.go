package internalport

import (
	"bytes"
	"errors"
	"fmt"
	"image/jpeg"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/openplp/khocr/internal/document"
	"github.com/openplp/khocr/internal/workerport"
)

const (
	// multipartBytes are what boundaries and headers of the parts may take.
	multipartBytes = 64 << 10
	// maxReading bounds a POST workerport.PathReading.
	maxReading = workerport.MaxPageBytes + workerport.MaxImageBytes + multipartBytes
	// sideTolerance is by how many pixels an image may be larger than asked for, as it is when sizes are rounded.
	sideTolerance = 16
)

// incoming is a page for an AI model, as it came.
type incoming struct {
	// page as the recogniser read it, as JSON: decoded it takes ten times as much, and a model is waited for for minutes.
	page []byte
	// images by the index of the line that they show, or by wholePage. One that could not be drawn is missing.
	images map[int]picture
}

// wholePage is where the image of a page is.
const wholePage = -1

// picture is an image whose header was looked at, and no more than that.
type picture struct {
	mediaType     string
	content       []byte
	width, height int
}

func (p picture) pixels() int64 { return int64(p.width) * int64(p.height) }

// parseReading takes the parts of a POST workerport.PathReading apart. A worker that was taken over may send anything.
func parseReading(contentType string, content []byte, role document.AIRole, maxSide int) (*incoming, error) {
	mediaType, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "multipart/form-data" {
		return nil, badPage("a page with images comes as multipart/form-data", err)
	}
	parts := multipart.NewReader(bytes.NewReader(content), parameters["boundary"])
	read := &incoming{images: map[int]picture{}}
	room := int64(workerport.MaxImageBytes)
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, badPage("the parts of the page cannot be told apart", err)
		}
		if part.FormName() == workerport.PartPage && read.page == nil {
			if read.page, err = readPart(part, workerport.MaxPageBytes); err != nil {
				return nil, err
			}
			continue
		}
		line, ok := imagePart(part.FormName(), role)
		if _, twice := read.images[line]; !ok || twice || len(read.images) == maxLines {
			return nil, badPage("it has a part that does not belong to it", nil)
		}
		content, err := readPart(part, room)
		if err != nil {
			return nil, err
		}
		room -= int64(len(content))
		if read.images[line], err = pictureOf(content, maxSide); err != nil {
			return nil, badPage("a part is not an image of the page", err)
		}
	}
	if read.page == nil {
		return nil, badPage("the page itself is missing", nil)
	}
	return read, nil
}

// readPart reads a part of so many bytes at the most.
func readPart(part io.Reader, most int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(part, most+1))
	if err != nil {
		return nil, badPage("the parts of the page cannot be told apart", err)
	}
	if int64(len(content)) > most {
		return nil, &refusal{http.StatusRequestEntityTooLarge, "PageTooLarge",
			fmt.Sprintf("a page has at most %d bytes, and its images together %d", workerport.MaxPageBytes, workerport.MaxImageBytes), nil}
	}
	return content, nil
}

// imagePart is the line that the image in a part shows, or wholePage, if there may be such a part.
func imagePart(name string, role document.AIRole) (line int, ok bool) {
	if role == document.RoleReader {
		return wholePage, name == workerport.PartImage
	}
	line, err := strconv.Atoi(name[strings.LastIndexByte(name, '-')+1:])
	return line, err == nil && line >= 0 && name == workerport.LinePart(line)
}

// pictureOf reads the header of an image. What a hostile document made of the rest is the endpoint's to bear, as any image is.
func pictureOf(content []byte, maxSide int) (picture, error) {
	decode, mediaType := jpeg.DecodeConfig, "image/jpeg"
	if bytes.HasPrefix(content, []byte("\x89PNG")) {
		decode, mediaType = png.DecodeConfig, "image/png"
	}
	config, err := decode(bytes.NewReader(content))
	if err != nil {
		return picture{}, fmt.Errorf("read its header: %w", err)
	}
	if config.Width < 1 || config.Height < 1 || max(config.Width, config.Height) > maxSide+sideTolerance {
		return picture{}, fmt.Errorf("it has %d by %d pixels", config.Width, config.Height)
	}
	return picture{mediaType, content, config.Width, config.Height}, nil
}

// checkIncoming makes sure that a page is one that an AI model may be asked about, and that its images are of it.
func checkIncoming(page *document.Page, images map[int]picture, recognizer string) error {
	switch {
	case page.Source != document.SourceOCR || page.Error != nil:
		return errors.New("it was not recognised")
	case page.Model != "" && page.Model != recognizer:
		return fmt.Errorf("it says to be read by %q", page.Model)
	}
	for line := range images {
		if line >= len(page.Lines) {
			return fmt.Errorf("it has no line %d", line)
		}
	}
	return nil
}
