"""SC-FEGAN: face editing with a free-form mask, a sketch and colour (Jo and Park, ICCV 2019)."""
