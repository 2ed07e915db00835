/** The parts of Element Plus that SCOC uses, each with its own style; the tokens colour them (element.css). */
import 'element-plus/es/components/date-picker/style/css.mjs'
import 'element-plus/es/components/dialog/style/css.mjs'
import 'element-plus/es/components/option/style/css.mjs'
import 'element-plus/es/components/popover/style/css.mjs'
import 'element-plus/es/components/select/style/css.mjs'
import './element.css'

export { ElDatePicker, ElDialog, ElOption, ElPopover, ElSelect, localeContextKey } from 'element-plus'
