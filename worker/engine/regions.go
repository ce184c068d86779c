package engine

import "slices"

const (
	// stampSide is the side in points of a square as large as a round seal with its margin, 4.5 cm. Images up to that size,
	// logos and stamps, are not read.
	stampSide = 128
	// pictureSide is the side in pixels from which on an image can show a line of text. Programs paint areas with images of
	// one pixel.
	pictureSide = 32
	// touching is how far apart in points strips are into which a scan was cut.
	touching = 2
	// overlaid is the share of an image that lines of text cover from which on it is the ground that they are printed on. A
	// caption on a picture covers some 3 %, text on a ground 25 % and more.
	overlaid = 0.1
)

// rect is an upright rectangle on a page, in points.
type rect struct{ left, top, right, bottom float64 }

func (r rect) area() float64 { return max(0, r.right-r.left) * max(0, r.bottom-r.top) }

func (r rect) within(other rect) rect {
	return rect{max(r.left, other.left), max(r.top, other.top), min(r.right, other.right), min(r.bottom, other.bottom)}
}

func (r rect) union(other rect) rect {
	return rect{min(r.left, other.left), min(r.top, other.top), max(r.right, other.right), max(r.bottom, other.bottom)}
}

func (r rect) touches(other rect) bool {
	return r.left <= other.right+touching && other.left <= r.right+touching &&
		r.top <= other.bottom+touching && other.top <= r.bottom+touching
}

// images of the page that may show something, those that touch joined to one.
func (p nativePage) images() []rect {
	page := rect{0, 0, p.width, p.height}
	var images []rect
	for _, picture := range p.pictures {
		if picture.pixels.X < pictureSide && picture.pixels.Y < pictureSide {
			continue
		}
		joined := rect{picture.topLeft.x, picture.topLeft.y, picture.bottomRight.x, picture.bottomRight.y}.within(page)
		if joined.area() == 0 {
			continue
		}
		images = slices.DeleteFunc(images, func(other rect) bool {
			if !joined.touches(other) {
				return false
			}
			joined = joined.union(other)
			return true
		})
		images = append(images, joined)
	}
	return images
}

// cover is the share of the page that images cover.
func (p nativePage) cover() float64 {
	covered := 0.0
	for _, image := range p.images() {
		covered += image.area()
	}
	if page := p.width * p.height; page > 0 {
		return min(1, covered/page)
	}
	return 0
}

// regions are the images that may show text of their own: larger than a stamp, and not the ground of the page's text.
func (p nativePage) regions() []rect {
	var regions []rect
	for _, image := range p.images() {
		if image.area() > stampSide*stampSide && p.textOn(image) < overlaid*image.area() {
			regions = append(regions, image)
		}
	}
	return regions
}

// textOn is the area of an image that lines of text cover.
func (p nativePage) textOn(image rect) float64 {
	covered := 0.0
	for _, line := range p.lines {
		box := line.box(line.across, p)
		covered += rect{box[0], box[1], box[2], box[3]}.within(image).area()
	}
	return covered
}
