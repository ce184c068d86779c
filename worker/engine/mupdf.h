// What of MuPDF 1.24 the binding leaves out: text with its fonts and places, and drawing with annotations. The binding
// carries no headers for others, so the declarations stand here, as they are in MuPDF's include/mupdf/fitz. The layouts hold
// for the version that go.mod asks for; a test reads a page by them.

#include <setjmp.h>
#include <stddef.h>

typedef struct fz_context fz_context;
typedef struct fz_document fz_document;
typedef struct fz_page fz_page;
typedef struct fz_device fz_device;
typedef struct fz_font fz_font;
typedef struct fz_text fz_text;
typedef struct fz_pixmap fz_pixmap;
typedef struct fz_colorspace fz_colorspace;

typedef struct { float x, y; } fz_point;
typedef struct { float x0, y0, x1, y1; } fz_rect;
typedef struct { int x0, y0, x1, y1; } fz_irect;
typedef struct { float a, b, c, d, e, f; } fz_matrix;
typedef struct { fz_point ul, ur, ll, lr; } fz_quad;

typedef struct fz_stext_char fz_stext_char;
typedef struct fz_stext_line fz_stext_line;
typedef struct fz_stext_block fz_stext_block;

// The beginning of an image.
typedef struct fz_image {
	struct {
		struct { int refs; void *drop, *droppable; } storable;
		short store_key_refs;
	} key_storable;
	int w, h;
	unsigned char n, bpc;
	unsigned int imagemask : 1, interpolate : 1, use_colorkey : 1, use_decode : 1, decoded : 1, scalable : 1;
	unsigned char orientation;
	struct fz_image *mask;
} fz_image;

typedef struct { unsigned char ri, bp, op, opm; } fz_color_params;

// The beginning of a device. What is not used has no parameters.
struct fz_device {
	int refs, hints, flags;
	void (*close_device)(void), (*drop_device)(void);
	void (*fill_path)(void), (*stroke_path)(void), (*clip_path)(void), (*clip_stroke_path)(void);
	void (*fill_text)(fz_context *, fz_device *, const fz_text *, fz_matrix, fz_colorspace *, const float *color, float alpha, fz_color_params);
	void (*stroke_text)(void), (*clip_text)(void), (*clip_stroke_text)(void);
	void (*ignore_text)(fz_context *, fz_device *, const fz_text *, fz_matrix);
	void (*fill_shade)(void);
	void (*fill_image)(fz_context *, fz_device *, fz_image *, fz_matrix, float alpha, fz_color_params);
};

typedef struct {
	void *pool;
	fz_rect mediabox;
	fz_stext_block *first_block, *last_block;
} fz_stext_page;

struct fz_stext_block {
	int type; // 0 text, 1 image
	fz_rect bbox;
	union {
		struct { fz_stext_line *first_line, *last_line; } t;
		struct { fz_matrix transform; fz_image *image; } i;
	} u;
	fz_stext_block *prev, *next;
};

struct fz_stext_line {
	int wmode;
	fz_point dir;
	fz_rect bbox;
	fz_stext_char *first_char, *last_char;
	fz_stext_line *prev, *next;
};

struct fz_stext_char {
	int c, bidi, color;
	fz_point origin;
	fz_quad quad;
	float size;
	fz_font *font;
	fz_stext_char *next;
};

typedef struct { int flags; float scale; } fz_stext_options;

sigjmp_buf *fz_push_try(fz_context *);
int fz_do_try(fz_context *);
int fz_do_always(fz_context *);
int fz_do_catch(fz_context *);
void fz_ignore_error(fz_context *);

int fz_authenticate_password(fz_context *, fz_document *, const char *);
fz_page *fz_load_page(fz_context *, fz_document *, int);
void fz_drop_page(fz_context *, fz_page *);
fz_rect fz_bound_page(fz_context *, fz_page *);
void fz_run_page(fz_context *, fz_page *, fz_device *, fz_matrix, void *cookie);

fz_stext_page *fz_new_stext_page(fz_context *, fz_rect);
fz_device *fz_new_stext_device(fz_context *, fz_stext_page *, const fz_stext_options *);
void fz_drop_stext_page(fz_context *, fz_stext_page *);
const char *fz_font_name(fz_context *, fz_font *);
int fz_font_is_bold(fz_context *, fz_font *);

fz_colorspace *fz_device_gray(fz_context *);
fz_colorspace *fz_device_rgb(fz_context *);
fz_pixmap *fz_new_pixmap_with_bbox_and_data(fz_context *, fz_colorspace *, fz_irect, void *separations, int alpha, unsigned char *);
void fz_drop_pixmap(fz_context *, fz_pixmap *);
void fz_clear_pixmap_with_value(fz_context *, fz_pixmap *, int);
fz_device *fz_new_draw_device(fz_context *, fz_matrix, fz_pixmap *);
void fz_close_device(fz_context *, fz_device *);
void fz_drop_device(fz_context *, fz_device *);

// Glyphs of a page and its images, flattened.

typedef struct {
	int code, font, line, block;
	int hidden;
	float size;
	fz_point origin, direction;
	fz_quad quad;
} khocr_glyph;

typedef struct {
	fz_rect box;
	int width, height; // pixels
	int block;
	int opaque;
} khocr_image;

typedef struct {
	const char *name; // freed with the page
	int bold;
} khocr_font;

typedef struct {
	fz_rect bounds;
	khocr_glyph *glyphs;
	khocr_image *images;
	khocr_font *fonts;
	int glyph_count, image_count, font_count;
} khocr_page;

int khocr_bounds(fz_context *, fz_document *, int number, fz_rect *bounds);
int khocr_read(fz_context *, fz_document *, int number, int flags, khocr_page *);
void khocr_free(khocr_page *);
int khocr_draw(fz_context *, fz_document *, int number, fz_matrix, int width, int height, int colours, unsigned char *samples);
