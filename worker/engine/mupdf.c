#include <stdlib.h>
#include <string.h>

#include "mupdf.h"

// MuPDF throws by longjmp. What is used after that is volatile.
#define TRY(ctx) if (!sigsetjmp(*fz_push_try(ctx), 0)) if (fz_do_try(ctx)) do
#define ALWAYS(ctx) while (0); if (fz_do_always(ctx)) do
#define CATCH(ctx) while (0); if (fz_do_catch(ctx))

int khocr_bounds(fz_context *ctx, fz_document *document, int number, fz_rect *bounds)
{
	fz_page *volatile page = NULL;
	TRY(ctx) {
		page = fz_load_page(ctx, document, number);
		*bounds = fz_bound_page(ctx, page);
	}
	ALWAYS(ctx) {
		fz_drop_page(ctx, page);
	}
	CATCH(ctx) {
		fz_ignore_error(ctx);
		return 0;
	}
	return 1;
}

// font_index finds a font among those of the page, and adds it where it is new. fonts holds their handles.
static int font_index(fz_context *ctx, khocr_page *into, fz_font ***fonts, fz_font *font)
{
	// Most glyphs have the font of the one before.
	for (int i = into->font_count - 1; i >= 0; i--)
		if ((*fonts)[i] == font)
			return i;
	fz_font **handles = realloc(*fonts, (into->font_count + 1) * sizeof *handles);
	if (!handles)
		return -1;
	*fonts = handles;
	khocr_font *grown = realloc(into->fonts, (into->font_count + 1) * sizeof *grown);
	if (!grown)
		return -1;
	into->fonts = grown;
	char *name = strdup(fz_font_name(ctx, font));
	if (!name)
		return -1;
	handles[into->font_count] = font;
	grown[into->font_count] = (khocr_font){name, fz_font_is_bold(ctx, font)};
	return into->font_count++;
}

// HIDDEN is the colour of text that is not shown: none of MuPDF's colours, which have 24 bits.
#define HIDDEN (1 << 24)

// flatten copies out of the structured page what the caller wants. It calls nothing that throws.
static int flatten(fz_context *ctx, fz_stext_page *text, khocr_page *into)
{
	size_t glyphs = 0, images = 0;
	for (fz_stext_block *block = text->first_block; block; block = block->next) {
		if (block->type == 1)
			images++;
		else if (block->type == 0)
			for (fz_stext_line *line = block->u.t.first_line; line; line = line->next)
				for (fz_stext_char *c = line->first_char; c; c = c->next)
					glyphs++;
	}
	into->glyphs = malloc(glyphs * sizeof *into->glyphs + 1);
	into->images = malloc(images * sizeof *into->images + 1);
	if (!into->glyphs || !into->images)
		return 0;
	fz_font **fonts = NULL;
	int lines = 0, blocks = 0, whole = 1;
	for (fz_stext_block *block = text->first_block; block && whole; block = block->next, blocks++) {
		if (block->type == 1) {
			fz_image *image = block->u.i.image;
			into->images[into->image_count++] = (khocr_image){
				block->bbox, image->w, image->h, blocks, !image->imagemask && !image->use_colorkey && !image->mask,
			};
			continue;
		}
		if (block->type != 0)
			continue;
		for (fz_stext_line *line = block->u.t.first_line; line && whole; line = line->next, lines++)
			for (fz_stext_char *c = line->first_char; c; c = c->next) {
				int font = font_index(ctx, into, &fonts, c->font);
				if (font < 0) {
					whole = 0;
					break;
				}
				into->glyphs[into->glyph_count++] = (khocr_glyph){
					c->c, font, lines, blocks, c->color == HIDDEN, c->size, c->origin, line->dir, c->quad,
				};
			}
	}
	free(fonts);
	return whole;
}

// The structured page that is being made, and what makes it.
static _Thread_local struct {
	fz_stext_page *text;
	void (*fill_text)(fz_context *, fz_device *, const fz_text *, fz_matrix, fz_colorspace *, const float *, float, fz_color_params);
	void (*ignore_text)(fz_context *, fz_device *, const fz_text *, fz_matrix);
} making;

// hide_after marks the glyphs that follow one, which was the last of the block and line that are given.
static void hide_after(fz_stext_block *block, fz_stext_line *line, fz_stext_char *c)
{
	c = c ? c->next : NULL;
	line = line ? line->next : NULL;
	block = block ? block->next : making.text->first_block;
	for (;;) {
		for (; c; c = c->next)
			c->color = HIDDEN;
		if (!line && block) {
			line = block->type == 0 ? block->u.t.first_line : NULL;
			block = block->next;
			if (!line)
				continue;
		}
		if (!line)
			return;
		c = line->first_char;
		line = line->next;
	}
}

static void ignore_text(fz_context *ctx, fz_device *device, const fz_text *text, fz_matrix matrix)
{
	fz_stext_block *block = making.text->last_block;
	fz_stext_line *line = block && block->type == 0 ? block->u.t.last_line : NULL;
	fz_stext_char *c = line ? line->last_char : NULL;
	making.ignore_text(ctx, device, text, matrix);
	hide_after(block, line, c);
}

// fill_text takes text that is filled with nothing for what it is.
static void fill_text(fz_context *ctx, fz_device *device, const fz_text *text, fz_matrix matrix,
	fz_colorspace *space, const float *color, float alpha, fz_color_params params)
{
	if (alpha == 0)
		ignore_text(ctx, device, text, matrix);
	else
		making.fill_text(ctx, device, text, matrix, space, color, alpha, params);
}

int khocr_read(fz_context *ctx, fz_document *document, int number, int flags, khocr_page *into)
{
	fz_page *volatile page = NULL;
	fz_stext_page *volatile text = NULL;
	fz_device *volatile device = NULL;
	fz_stext_options options = {flags, 1};
	volatile int whole = 0;
	memset(into, 0, sizeof *into);
	TRY(ctx) {
		page = fz_load_page(ctx, document, number);
		into->bounds = fz_bound_page(ctx, page);
		text = fz_new_stext_page(ctx, into->bounds);
		device = fz_new_stext_device(ctx, text, &options);
		making.text = text;
		making.fill_text = device->fill_text;
		making.ignore_text = device->ignore_text;
		device->fill_text = fill_text;
		device->ignore_text = ignore_text;
		fz_run_page(ctx, page, device, (fz_matrix){1, 0, 0, 1, 0, 0}, NULL);
		fz_close_device(ctx, device);
		whole = flatten(ctx, text, into);
	}
	ALWAYS(ctx) {
		fz_drop_device(ctx, device);
		fz_drop_stext_page(ctx, text);
		fz_drop_page(ctx, page);
	}
	CATCH(ctx) {
		fz_ignore_error(ctx);
	}
	if (!whole)
		khocr_free(into);
	return whole;
}

void khocr_free(khocr_page *page)
{
	for (int i = 0; i < page->font_count; i++)
		free((char *)page->fonts[i].name);
	free(page->fonts);
	free(page->glyphs);
	free(page->images);
	memset(page, 0, sizeof *page);
}

// khocr_draw draws on white, in grey with a byte for each pixel, or in colours with four: red, green, blue and opacity.
int khocr_draw(fz_context *ctx, fz_document *document, int number, fz_matrix transform, int width, int height, int colours, unsigned char *samples)
{
	fz_page *volatile page = NULL;
	fz_pixmap *volatile pixmap = NULL;
	fz_device *volatile device = NULL;
	volatile int drawn = 0;
	TRY(ctx) {
		page = fz_load_page(ctx, document, number);
		fz_colorspace *space = colours ? fz_device_rgb(ctx) : fz_device_gray(ctx);
		pixmap = fz_new_pixmap_with_bbox_and_data(ctx, space, (fz_irect){0, 0, width, height}, NULL, colours, samples);
		fz_clear_pixmap_with_value(ctx, pixmap, 255);
		device = fz_new_draw_device(ctx, (fz_matrix){1, 0, 0, 1, 0, 0}, pixmap);
		fz_run_page(ctx, page, device, transform, NULL);
		fz_close_device(ctx, device);
		drawn = 1;
	}
	ALWAYS(ctx) {
		fz_drop_device(ctx, device);
		fz_drop_pixmap(ctx, pixmap);
		fz_drop_page(ctx, page);
	}
	CATCH(ctx) {
		fz_ignore_error(ctx);
		return 0;
	}
	return drawn;
}
