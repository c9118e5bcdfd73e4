with ordered as (

    select
        customer_id,
        min(ordered_on) as first_order_on,
        max(ordered_on) as last_order_on,
        count(*) as orders,
        sum(quantity) as units
    from {{ ref('int_customer_orders') }}
    group by customer_id

)

select
    customers.customer_id,
    customers.cohort,
    customers.first_purchase_on,
    ordered.first_order_on,
    ordered.last_order_on,
    coalesce(ordered.orders, 0) as orders,
    coalesce(ordered.units, 0) as units,
    coalesce(ordered.orders, 0) > 1 as is_repeat_customer,
    customers.created_at,
    customers.updated_at
from {{ ref('stg_customers') }} as customers
left join ordered on customers.customer_id = ordered.customer_id
